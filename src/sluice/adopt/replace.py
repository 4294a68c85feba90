"""Replace either all of the project's files or none, and track the new data with DVC."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluice.adopt import committed, old_data
from sluice.errors import SluiceError
from sluice.pipeline import dvc
from sluice.project import ADOPTED

# What an adoption replaces.
_REPLACED = (
    "data",
    "params.yaml",
    ADOPTED,
    "src/usecase/scenarios.py",
    "src/usecase/expectations.py",
    "tests/usecase",
    "docs/datasheet.md",
)
# What is replaced if the bounds of the same data are derived again.
_SETTINGS = ("params.yaml", ADOPTED)
# What is moved to the folder of old files, because DVC and the replacement change it.
_MOVED = (*_REPLACED, "data.dvc", "dvc.lock", ".gitignore")
# What git must be able to restore.
_COMMITTED = (
    "params.yaml",
    ADOPTED,
    "data.dvc",
    "src/usecase",
    "tests/usecase",
    "docs/datasheet.md",
)


def require_recoverable(root: Path) -> None:
    """Raise SluiceError unless git and DVC can restore what will be replaced.

    What the last adoption has written, and nobody has changed, need not be committed.
    """
    committed.require_committed(root, *_COMMITTED)
    if not (root / "data.dvc").is_file() or not (root / ".dvc" / "config").is_file():
        raise SluiceError("data.dvc or .dvc/config is missing: run this in the project's folder")
    old_data.require_in_remote(root)


def restore_interrupted(root: Path) -> None:
    """Restore the old files if an earlier adoption was killed before it was complete."""
    old = root / ".adopt" / "old"
    for path in _MOVED:
        if (old / path).exists():
            _remove(root / path)
            _move(old / path, root / path)


@contextmanager
def new_files(root: Path) -> Iterator[Path]:
    """Yield an empty folder for the new files, and remove it and the old files afterwards.

    The empty folder is in the project's folder, so that files can be moved without being copied.
    """
    folder = root / ".adopt"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "new").mkdir(parents=True)
    try:
        yield folder / "new"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace(root: Path, new: Path) -> None:
    """Move the new files to their places and push the data; undo everything on any failure."""
    old, store = new.parent / "old", root / ".dvc" / "store"
    stored, moved = set(store.rglob("*")), list[str]()
    try:
        for path in _MOVED:
            _move(root / path, old / path)
            moved.append(path)
        for path in _REPLACED:
            _move(new / path, root / path)
        if (old / ".gitignore").exists():  # DVC may add to it
            shutil.copyfile(old / ".gitignore", root / ".gitignore")
        for arguments in (["add", "--quiet", "data"], ["push", "--quiet", "data.dvc"]):
            done = dvc.ask(root, *arguments)
            if done.returncode:
                said = " ".join(done.stderr.split()) or "no reason given"
                raise SluiceError(f"'dvc {arguments[0]}' failed, so nothing was changed: {said}")
        committed.remember_written(root, *_COMMITTED)
        # From here on restore_interrupted restores nothing.
        os.replace(old, new.parent / "done")
    except BaseException:
        for path in moved:  # a file that is there now is new
            _remove(root / path)
        for path in _MOVED:
            _move(old / path, root / path)
        for added in sorted(set(store.rglob("*")) - stored, reverse=True):
            _remove(added)
        raise


def replace_settings(root: Path, new: Path) -> None:
    """Move a new params.yaml and its record to their places, both or neither."""
    old = new.parent / "old"
    try:
        for path in _SETTINGS:
            _move(root / path, old / path)
        for path in _SETTINGS:
            _move(new / path, root / path)
        # From here on restore_interrupted restores nothing.
        os.replace(old, new.parent / "done")
    except BaseException:
        for path in _SETTINGS:
            _move(old / path, root / path)
        raise


def _move(path: Path, to: Path) -> None:
    if path.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, to)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
