"""The DVC remote, from which whoever clones this has the data."""

from __future__ import annotations

import sys
from pathlib import Path

from sluice import git
from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import dvc


def keep(root: Path) -> None:
    """Put new data into a remote inside the repository; for another one, say the command."""
    folder = inside(root)
    if folder is None:
        if _is_new(root):
            _say("data.dvc is new: 'dvc push data.dvc' before you commit it")
    elif not _holds(folder, root):
        if dvc.run(root, "push", "--quiet", "data.dvc"):
            raise SluiceError("'dvc push data.dvc' failed: others could not build this commit")
        _say(f"the data is in {folder.relative_to(root.resolve())} now: commit that, too")


def inside(root: Path) -> Path | None:
    """The folder of the default remote, if it lies in the repository and is committed with it."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        remote = repo.config["remote"].get(repo.config["core"].get("remote"), {})
    url = str(remote.get("url", ""))
    if not url or "://" in url:
        return None
    folder = Path(url).resolve()
    return folder if folder.is_relative_to(root.resolve()) else None


def _holds(folder: Path, root: Path) -> bool:
    """A folder's list of files is what DVC pushes last."""
    listed = [str(out["md5"]) for out in read_yaml(root / "data.dvc")["outs"]]
    return all(path(folder, md5).is_file() for md5 in listed)


def path(folder: Path, md5: str) -> Path:
    """Where a DVC remote that is a folder keeps the object of this name."""
    return folder / "files" / "md5" / md5[:2] / md5[2:]


def _is_new(root: Path) -> bool:
    return git.is_work_tree(root) and git.changed(root, "data.dvc")


def _say(what: str) -> None:
    sys.stderr.write(f"sluice: {what}\n")
