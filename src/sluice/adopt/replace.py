"""Files of the project changed all together or not at all, and its data under DVC."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluice.adopt import committed, old_data
from sluice.adopt.process import dvc
from sluice.errors import SluiceError

_NEW = (
    "data",
    "params.yaml",
    "src/usecase/scenarios.py",
    "src/usecase/expectations.py",
    "tests/usecase",
    "docs/datasheet.md",
)
_OLD = "old"
_ASIDE = (*_NEW, "data.dvc", "dvc.lock", ".gitignore")
# What git must be able to bring back.
_COMMITTED = ("params.yaml", "data.dvc", "src/usecase", "tests/usecase", "docs/datasheet.md")


def require_clean(root: Path) -> None:
    """Raise SluiceError unless git and DVC can bring back what is going to be replaced."""
    committed.require_committed(root, *_COMMITTED)
    if not (root / "data.dvc").is_file() or not (root / ".dvc" / "config").is_file():
        raise SluiceError("data.dvc or .dvc/config is missing: run this in the project's folder")
    old_data.require_in_remote(root)


def recover(root: Path) -> None:
    """Bring back what an adoption had put aside when it was killed."""
    aside = root / ".adopt" / _OLD
    for path in _ASIDE:
        if (aside / path).exists():
            _remove(root / path)
            _move(aside / path, root / path)


@contextmanager
def prepared(root: Path) -> Iterator[Path]:
    """A folder for new files, on the project's own disk; gone afterwards."""
    folder = root / ".adopt"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "new").mkdir(parents=True)
    try:
        yield folder / "new"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(root: Path, new: Path) -> None:
    """Move the prepared files into place and the data under DVC; undo all of it on any failure."""
    aside, kept = new.parent / _OLD, root / ".dvc" / "store"
    stored, moved = set(kept.rglob("*")), list[str]()
    try:
        for path in _ASIDE:
            _move(root / path, aside / path)
            moved.append(path)
        for path in _NEW:
            _move(new / path, root / path)
        if (aside / ".gitignore").exists():  # DVC may add to it
            shutil.copyfile(aside / ".gitignore", root / ".gitignore")
        for arguments in (["add", "--quiet", "data"], ["push", "--quiet", "data.dvc"]):
            done = dvc(root, *arguments)
            if done.returncode:
                said = " ".join(done.stderr.split()) or "no reason given"
                raise SluiceError(f"'dvc {arguments[0]}' failed, nothing was changed: {said}")
        os.replace(aside, new.parent / "done")  # from here on there is no way back to recover
    except BaseException:
        for path in moved:  # what stands there now is new
            _remove(root / path)
        for path in _ASIDE:
            _move(aside / path, root / path)
        for added in sorted(set(kept.rglob("*")) - stored, reverse=True):
            _remove(added)
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
