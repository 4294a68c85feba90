"""Files of the project changed all together or not at all, and its data under DVC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluice.errors import SluiceError
from sluice.pipeline import remote

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
    """Refuse while git holds no copy of what is going to be replaced."""
    status = _run(root, ["git", "status", "--porcelain", "--", *_COMMITTED])
    if status.returncode:
        raise SluiceError(
            "this folder is not in git, which is the way back from adopting: run 'git init', "
            "'git add .' and 'git commit' first"
        )
    changed = [line[3:] for line in status.stdout.splitlines()]
    if changed:
        raise SluiceError(f"{changed[0]} is not committed and would be replaced: commit it first")
    if not (root / "data.dvc").is_file() or not (root / ".dvc" / "config").is_file():
        raise SluiceError("data.dvc or .dvc/config is missing: run this in the project's folder")
    if any((root / "data").glob("*")) and not _kept(root):
        raise SluiceError(
            "data/ holds what data.dvc does not name, and it would be replaced: move it away, or "
            "'dvc add data', 'dvc push' and commit first"
        )


def _kept(root: Path) -> bool:
    """Whether data/ is what data.dvc names; a cache without it would leave that open."""
    _dvc(root, "fetch", "--quiet", "data.dvc")
    return _dvc(root, "status", "--quiet", "data.dvc").returncode == 0


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
            done = _dvc(root, *arguments)
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


def forget(root: Path) -> bool:
    """Drop what was built from the old data, and its copy in a store inside the repository.

    Returns whether the store was one that could be cleared; git's history keeps it all.
    """
    shutil.rmtree(root / "out", ignore_errors=True)
    if remote.inside(root) is None:
        return False
    return _dvc(root, "gc", "--workspace", "--cloud", "--force", "--quiet").returncode == 0


def _dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(root, [sys.executable, "-P", "-m", "dvc", *arguments])


def _run(root: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
