"""New rows reach the DVC remote, from which a clone gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.pipeline import remote
from support.fixture_project import Toy, table


def _grow(toy: Toy) -> None:
    toy.write_data(table("binary", 3_700))


def test_a_clone_gets_the_new_rows(toy: Toy, tmp_path: Path) -> None:
    _grow(toy)
    ran = toy.sluice("package", "build").went_well()
    assert "sluice: the data was pushed to .dvc/store: commit this folder" in ran.err
    assert "; run 'git add data.dvc dvc.lock judged.jsonl'\n" in ran.out
    toy.commit()
    toy.git("clone", "-q", ".", str(tmp_path / "clone"))
    clone = Toy(tmp_path / "clone")
    clone.dvc("pull", "--quiet", "data.dvc").went_well()
    assert len(clone.data()) == 3_700


def test_a_remote_outside_the_repository_is_not_written(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.dvc("remote", "add", "-q", "-d", "--force", "away", str(tmp_path / "away")).went_well()
    toy.commit()
    remote.push_new_data(toy.root)
    assert capsys.readouterr().err == ""
    _grow(toy)
    toy.dvc("add", "-q", "data").went_well()
    remote.push_new_data(toy.root)
    assert "'dvc push data.dvc'" in capsys.readouterr().err
    assert not (tmp_path / "away").exists()


def test_a_remote_that_cannot_be_written_is_reported(toy: Toy) -> None:
    _grow(toy)
    toy.dvc("add", "-q", "data").went_well()
    toy.write(".dvc/config", toy.text(".dvc/config").replace("url = store", "url = config"))
    with pytest.raises(SluiceError, match=r"'dvc push data\.dvc' failed"):
        remote.push_new_data(toy.root)
