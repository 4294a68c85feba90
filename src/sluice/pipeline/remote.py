"""The DVC remote, from which everyone who clones the repository gets the data."""

from __future__ import annotations

import sys
from pathlib import Path

from sluice import git
from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import dvc


def push_new_data(root: Path) -> None:
    """Push new data to a remote inside the repository; for another remote, say how to do it."""
    folder = folder_inside(root)
    if folder is None:
        if _is_uncommitted(root):
            _notify("data.dvc has changed: run 'dvc push data.dvc' before you commit it")
    elif not _has_data(folder, root):
        if dvc.run(root, "push", "--quiet", "data.dvc"):
            raise SluiceError(
                "'dvc push data.dvc' failed, so nobody else could build this commit: fix the DVC "
                "remote"
            )
        _notify(f"the data was pushed to {folder.relative_to(root.resolve())}: commit this folder")


def folder_inside(root: Path) -> Path | None:
    """Return the folder of the default remote if it is inside the repository, else None."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        remote = repo.config["remote"].get(repo.config["core"].get("remote"), {})
    url = str(remote.get("url", ""))
    if not url or "://" in url:
        return None
    folder = Path(url).resolve()
    return folder if folder.is_relative_to(root.resolve()) else None


def _has_data(folder: Path, root: Path) -> bool:
    # DVC pushes the list of a folder's files last, so the files are there if the list is.
    listed = [str(out["md5"]) for out in read_yaml(root / "data.dvc")["outs"]]
    return all(object_path(folder, md5).is_file() for md5 in listed)


def object_path(folder: Path, md5: str) -> Path:
    """Return where a DVC remote which is a folder keeps the object with this hash."""
    return folder / "files" / "md5" / md5[:2] / md5[2:]


def _is_uncommitted(root: Path) -> bool:
    return git.is_work_tree(root) and git.changed(root, "data.dvc")


def _notify(message: str) -> None:
    sys.stderr.write(f"sluice: {message}\n")
