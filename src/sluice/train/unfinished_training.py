"""The folder where a training keeps finished segments, until all of them are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import sluice
from sluice import files
from sluice.confined.run import require as require_confinement
from sluice.project import Project


def folder(project: Project, name: str) -> Path:
    """The folder for training the candidate on this data, with this code and these settings.

    The folder is created. A confined training does not continue an unconfined one. Folders of other
    data, code or settings are deleted, because a training that is confined could otherwise leave
    files there for a later one.
    """
    wanted = _parent(project, name) / _key(project)
    for other in _parent(project, name).glob("*"):
        if other != wanted:
            shutil.rmtree(other)
    wanted.mkdir(parents=True, exist_ok=True)
    _keep_finished_groups(wanted)
    return wanted


def _keep_finished_groups(folder: Path) -> None:
    """Remove everything except finished groups, because code of the use case may have left other
    files.

    A process that is not confined could otherwise write through a link there.
    """
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or path.suffix != ".npz":
            path.unlink()


def remove_all(project: Project) -> None:
    """Remove the folders of all candidates, so that every segment is fitted again."""
    if (project.out / "unfinished").exists():
        shutil.rmtree(project.out / "unfinished")


def remove(project: Project, name: str) -> None:
    """Delete everything that trainings of this candidate have kept."""
    shutil.rmtree(_parent(project, name), ignore_errors=True)


def _parent(project: Project, name: str) -> Path:
    return project.out / "unfinished" / name


def _key(project: Project) -> str:
    """A digest of all that decides the result: the rows, the settings, the code and its lock."""
    digest = hashlib.sha256(b"confined" if require_confinement() else b"")
    for path in _sources(project):
        if path.is_file():
            digest.update(f"{path.name} {files.sha256_of_file(path)}\n".encode())
    return digest.hexdigest()[:32]


def _sources(project: Project) -> Iterator[Path]:
    yield project.split("train")
    yield project.root / "params.yaml"
    yield project.root / "requirements/build.txt"
    yield from sorted((project.root / "src/usecase").rglob("*.py"))
    yield from sorted(Path(sluice.__file__).parent.rglob("*.py"))
