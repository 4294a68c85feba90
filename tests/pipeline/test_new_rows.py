"""New rows reach the DVC remote, from which a clone downloads them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.pipeline import remote
from support.command_line import InProcess
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


def test_only_new_parts_of_a_folder_are_stored_and_pushed(toy: Toy, tmp_path: Path) -> None:
    """Months are added to a folder; the objects of earlier months do not change."""
    rows, store = table("binary", 900), tmp_path / "store"
    toy.dvc("remote", "add", "-q", "-d", "--force", "away", str(store)).went_well()
    shutil.rmtree(toy.root / "data")
    (toy.root / "data/months").mkdir(parents=True)

    def pushed() -> dict[str, int]:
        toy.dvc("add", "-q", "data").went_well()
        toy.dvc("push", "-q", "data.dvc").went_well()
        found = [path for path in store.rglob("*") if path.is_file()]
        return {path.relative_to(store).as_posix(): path.stat().st_mtime_ns for path in found}

    seen: dict[str, int] = {}
    cached = len(objects(toy.root / ".dvc/cache"))
    for month in range(3):
        part = rows.iloc[300 * month : 300 * (month + 1)]
        part.to_parquet(toy.root / f"data/months/{month}.parquet", index=False)
        now = pushed()
        # The new part, and the list of all parts.
        assert len(now) == len(seen) + 2
        assert seen.items() <= now.items()
        assert len(objects(toy.root / ".dvc/cache")) == cached + len(now)
        seen = now
    sizes = [path.stat().st_size for path in (toy.root / "data/months").iterdir()]
    lists = [path for path in objects(store) if path.suffix == ".dir"]
    kept = sum(path.stat().st_size for path in objects(store))
    assert kept == sum(sizes) + sum(path.stat().st_size for path in lists)


def objects(folder: Path) -> list[Path]:
    return [path for path in (folder / "files/md5").rglob("*") if path.is_file()]


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "LARGEST_DATA"])
def test_much_data_needs_a_remote_outside_the_repository(
    toy: Toy, in_process: InProcess, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """The build refuses too much data before it runs a stage, and prints the command that sets
    another remote.
    """
    monkeypatch.setattr(remote, limit, 1_000)
    file = next(path for path in (toy.root / "data").iterdir() if path.is_file())
    named = file.name if limit == "LARGEST_FILE" else "data/"
    ran = in_process(toy, "package", "build")
    assert ran.status == 2
    assert f"{named} has 0 MiB, but the DVC remote is inside the repository" in ran.line
    assert ran.line.endswith(f"or set another remote first: '{remote.ANOTHER}'")
    assert "Running stage" not in ran.said
    given = remote.ANOTHER.replace("s3://bucket/path", str(toy.root.parent / "away")).split()
    toy.dvc(*given[1:]).went_well()
    remote.require_room(toy.root, toy.root / "data")
