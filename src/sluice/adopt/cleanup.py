"""Remove the objects of the old data from a DVC remote inside the repository."""

from __future__ import annotations

import json
from pathlib import Path

from sluice import git
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.pipeline import remote

# Files in which DVC names objects: its own files, and the lists of a folder's files in the remote.
_NAMING = ("*.dvc", "dvc.lock", "*.dir")
_GREP = ("grep", "--text", "-h", "-o", "-E", "-e", "[0-9a-f]{32}")


def remove_old_objects(root: Path) -> bool:
    """Remove the objects of the committed data.dvc from the remote, but not from any cache.

    An object stays if git could not restore it, or if the new data, another DVC file, or the tip of
    another branch, tag or remote branch names it. Return whether all were removed.
    """
    folder = remote.folder_inside(root)
    try:
        return folder is not None and _remove_data(root, folder)
    except SluiceError:  # git could not answer, so the remaining objects are kept
        return False


def _remove_data(root: Path, folder: Path) -> bool:
    document = _ask(root, "show", "HEAD:./data.dvc").encode()
    gone = True
    for out in parse_yaml(document, "data.dvc")["outs"]:
        if not remote.object_path(folder, str(out["md5"])).exists():
            continue  # an adoption that is not committed has removed it
        first, *listed = _objects(folder, str(out["md5"]))
        # The list of a folder is removed first: as long as it exists, it names the files.
        gone &= _remove(root, folder, [first]) and _remove(root, folder, listed)
    return gone


def _objects(folder: Path, md5: str) -> list[Path]:
    """Return the object's file and, if it is the list of a folder, the folder's files."""
    first = remote.object_path(folder, md5)
    if not md5.endswith(".dir"):
        return [first]
    entries = json.loads(first.read_bytes())
    return [first, *sorted({remote.object_path(folder, entry["md5"]) for entry in entries})]


def _remove(root: Path, folder: Path, objects: list[Path]) -> bool:
    named = _named(root)
    committed = _committed(root, folder)
    paths = "".join(f"{path}\n" for path in objects)
    hashes = _ask(root, "hash-object", "--no-filters", "--stdin-paths", stdin=paths).split()
    removable = [
        path
        for path, blob in zip(objects, hashes, strict=True)
        if committed.get(path) == blob and path.parent.name + path.stem not in named
    ]
    for path in removable:
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    return removable == objects


def _committed(root: Path, folder: Path) -> dict[Path, str]:
    """Return each file of the remote in HEAD with the hash of its blob in git."""
    place = str(folder.relative_to(root.resolve()))
    entries = _ask(root, "ls-tree", "-r", "-z", "HEAD", "--", place).split("\0")
    pairs = (entry.split("\t", 1) for entry in entries if entry)
    return {root.resolve() / name: about.split()[2] for about, name in pairs}


def _named(root: Path) -> set[str]:
    """Return the MD5s that DVC files name in the work tree or at the tip of another reference."""
    current = git.run(root, "symbolic-ref", "--quiet", "HEAD").stdout.decode().strip()
    references = _ask(root, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    tips = {tip for name, tip in (line.split() for line in references) if name != current}
    found = _ask(root, *_GREP, "--untracked", "--", *_NAMING).split()
    if tips:
        found += _ask(root, *_GREP, *sorted(tips), "--", *_NAMING).split()
    return set(found)


def _ask(root: Path, *arguments: str, stdin: str = "") -> str:
    done = git.run(root, *arguments, stdin=stdin.encode("utf-8", "surrogateescape"))
    if done.returncode > 1:  # 1: 'git grep' found nothing
        raise SluiceError(f"'git {arguments[0]}' failed: {git.reason(done)}")
    return done.stdout.decode("utf-8", "surrogateescape")
