"""The DVC remote, from which everyone who clones the repository downloads the data."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from sluice import git
from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import dvc

LARGEST_FILE = 100 * 2**20  # bytes; GitHub refuses larger files
LARGEST_DATA = 500 * 2**20  # bytes; every clone gets all that the store has ever held

ANOTHER = "dvc remote add -d --force storage s3://bucket/path"


def require_room(root: Path, data: Path) -> None:
    """Raise SluiceError for data that is too large for a remote inside the repository.

    data: a file, or a folder of files.
    """
    files = [path for path in data.rglob("*") if path.is_file()] if data.is_dir() else [data]
    sizes = {path: path.stat().st_size for path in files if path.is_file()}
    largest, total = max(sizes, key=lambda path: sizes[path], default=data), sum(sizes.values())
    too_large = sizes.get(largest, 0) > LARGEST_FILE
    if not (too_large or total > LARGEST_DATA) or folder_inside(root) is None:
        return
    inside = "but the DVC remote is inside the repository"
    if too_large:
        problem = (
            f"{largest.name} has {_mib(sizes[largest])}, {inside}, and GitHub refuses files over "
            f"{_mib(LARGEST_FILE)}: store it in smaller Parquet files"
        )
    else:
        problem = (
            f"{data.name}/ has {_mib(total)}, {inside}, where at most {_mib(LARGEST_DATA)} belong, "
            "because every clone gets them: remove old parts"
        )
    raise SluiceError(f"{problem}, or set another remote first: '{ANOTHER}'")


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def push_new_data(root: Path) -> None:
    """Push new data to a remote inside the repository; for any other remote, say how to push."""
    folder = folder_inside(root)
    if folder is None:
        if _is_uncommitted(root):
            _notify("data.dvc has changed: run 'dvc push data.dvc' before you commit it")
        return
    require_intact(root, folder)
    if not _has_data(folder, root):
        if dvc.run(root, "push", "--quiet", "data.dvc"):
            raise SluiceError(
                "'dvc push data.dvc' failed, so nobody else could build this commit: fix the DVC "
                "remote"
            )
        _notify(f"the data was pushed to {folder.relative_to(root.resolve())}: commit this folder")


def folder_inside(root: Path) -> Path | None:
    """Return the folder of the default remote if it is inside the repository, else None."""
    url = _default(root)[1]
    if not url or "://" in url:
        return None
    folder = Path(url).resolve()
    return folder if folder.is_relative_to(root.resolve()) else None


def name(root: Path) -> str:
    """The name of the default remote; "" if there is none."""
    return _default(root)[0]


def _default(root: Path) -> tuple[str, str]:
    """The name and the URL of the default remote."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        found = str(repo.config["core"].get("remote") or "")
        return found, str(repo.config["remote"].get(found, {}).get("url", ""))


def require_intact(root: Path, folder: Path | None) -> None:
    """Raise SluiceError if the data's objects in a remote inside the repository are damaged.

    Git damages them if it converts line endings. folder: as `folder_inside` returns it.
    """
    damaged = [] if folder is None else _damaged(folder, root)
    if not damaged:
        return
    names = [path.relative_to(root.resolve()).as_posix() for path in damaged]
    given = shlex.join(names)
    if git.is_work_tree(root) and set(names) <= set(git.tracked(root, *names)):
        cure = f"rm {given} && git -c core.autocrlf=false checkout -- {given}"
    else:
        cure = "run 'dvc push data.dvc' where the data is, after you have removed the damaged file"
    raise SluiceError(
        f"{names[0]} is damaged: its bytes do not match the md5 in its name. Restore the store, "
        f"not the cache: {cure}"
    )


def _damaged(folder: Path, root: Path) -> list[Path]:
    return [
        path
        for path in _objects(folder, root)
        if path.is_file() and _md5(path) != f"{path.parent.name}{path.name}".removesuffix(".dir")
    ]


def _objects(folder: Path, root: Path) -> list[Path]:
    """The objects of the data: those that data.dvc names, and the files of a listed folder."""
    objects = []
    for md5 in _listed(root):
        path = object_path(folder, md5)
        objects.append(path)
        if md5.endswith(".dir") and path.is_file():
            # If the list is damaged and unreadable, the list itself must be restored.
            with suppress(ValueError, KeyError, TypeError):
                entries = json.loads(path.read_bytes())
                objects += [object_path(folder, str(entry["md5"])) for entry in entries]
    return list(dict.fromkeys(objects))


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _has_data(folder: Path, root: Path) -> bool:
    # DVC pushes the list of a folder's files last, so if it is there, so are the files.
    return all(object_path(folder, md5).is_file() for md5 in _listed(root))


def _listed(root: Path) -> list[str]:
    return [str(out["md5"]) for out in read_yaml(root / "data.dvc")["outs"]]


def object_path(folder: Path, md5: str) -> Path:
    """Return where a DVC remote in a folder stores the object with this hash."""
    return folder / "files" / "md5" / md5[:2] / md5[2:]


def _is_uncommitted(root: Path) -> bool:
    return git.is_work_tree(root) and git.changed(root, "data.dvc")


def _notify(message: str) -> None:
    sys.stderr.write(f"sluice: {message}\n")
