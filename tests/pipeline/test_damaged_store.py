"""A damaged object of the store in the repository is named, with the command that restores it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.pipeline import remote
from support.fixture_project.build import bare

FILES = {"a.csv": b"a,b\n1,2\n", "b.csv": b"c\r\n3\r\n"}


def _put(folder: Path, content: bytes, suffix: str = "") -> str:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    path = remote.object_path(folder, md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with data.dvc and the store to which it refers; git knows nothing of it."""
    entries = [
        {"md5": _put(tmp_path / "store", content), "relpath": name}
        for name, content in FILES.items()
    ]
    listed = _put(tmp_path / "store", json.dumps(entries).encode(), ".dir")
    text = f"outs:\n- md5: {listed}\n  hash: md5\n  path: data\n"
    (tmp_path / "data.dvc").write_text(text)
    return tmp_path


def _objects(project: Path) -> list[Path]:
    return sorted((project / "store").rglob("*.dir")) + sorted(
        path for path in (project / "store").rglob("*") if path.is_file() and not path.suffix
    )


def test_an_intact_store_is_accepted(project: Path) -> None:
    assert len(_objects(project)) == 3
    remote.require_intact(project, project / "store")
    remote.require_intact(project, None)


@pytest.mark.parametrize("place", range(3))
def test_each_damaged_object_is_named(place: int, project: Path) -> None:
    path = _objects(project)[place]
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\n", b"\r\n") if place else content[:-1])
    if path.read_bytes() == content:
        path.write_bytes(content + b"\n")
    with pytest.raises(SluiceError) as error:
        remote.require_intact(project, project / "store")
    assert f"{path.relative_to(project)} is damaged" in str(error.value)


def test_a_missing_object_is_not_called_damaged(project: Path) -> None:
    for path in _objects(project):
        path.unlink()
        remote.require_intact(project, project / "store")


def test_the_command_that_is_named_restores_the_store(tmp_path: Path) -> None:
    """In a clone that has converted line endings, and has neither the data nor the cache."""
    toy = bare(tmp_path / "toy", "binary")
    shutil.rmtree(toy.root / "data")
    shutil.rmtree(toy.root / ".dvc/cache")
    store = toy.root / ".dvc/store"
    stored = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    damaged = [path for path, content in stored.items() if b"\n" in content]
    assert damaged
    for path in damaged:
        path.write_bytes(stored[path].replace(b"\n", b"\r\n"))
    ran = toy.sluice("run")
    assert ran.status == 2
    name = damaged[0].relative_to(toy.root)
    assert ran.line.startswith(f"{name} is damaged: its bytes do not match the md5 in its name.")
    assert "dvc pull" not in ran.said
    assert "is damaged" in toy.text("out/report/report.md")
    command = ran.line.partition("not the cache: ")[2]
    subprocess.run(command, shell=True, cwd=toy.root, check=True, env=toy.environment())  # noqa: S602
    assert {path: path.read_bytes() for path in stored} == stored
    assert not toy.git("status", "--short", ".dvc/store")
