"""Decide whether a pull request needs the tests of the machinery.

Writes `machinery=skip` to the file that GITHUB_OUTPUT names if every changed file is on the list
below, and `machinery=run` in all other cases, whatever goes wrong. CI takes this file from the base
branch, so a pull request cannot change how the decision about itself is made. It needs only git and
the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What the tests of the machinery do not use: their project is tests/support/fixture_project.
FILES = (
    "params.yaml",
    "adopted.yaml",
    "data.dvc",
    "dvc.lock",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
)
FOLDERS = (".dvc/store/", "docs/", "src/usecase/", "tests/usecase/")
# The modes of a plain file and of no file. Links, submodules and executables have others.
MODES = ("100644", "000000")
# The options override all settings of git that could hide a change.
DIFF = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none")


def decide(repository: str) -> str:
    """Return `run` or `skip` for the merge commit at HEAD, and print the reasons."""
    try:
        reasons = outside(git(repository, *DIFF, *parents(repository)))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        reasons = [f"the changed files are not known: {error}"]
    for reason in reasons:
        print(f"The tests of the machinery run: {reason!a}")
    if not reasons:
        print("The tests of the machinery are skipped: no changed file can affect them.")
    return "run" if reasons else "skip"


def parents(repository: str) -> tuple[str, str]:
    """Return the commit of the base branch, and GitHub's merge of the pull request into it."""
    found = git(repository, "rev-list", "--parents", "--max-count=1", "HEAD").decode().split()
    if len(found) != 3:
        raise ValueError(f"HEAD has {len(found) - 1} parents; a merge of a pull request has 2")
    return found[1], found[0]


def outside(changes: bytes) -> list[str]:
    """Return the changes that are not on the list, out of what `git diff-tree --raw -z` prints.

    Raises ValueError if it is empty, cut off, or not UTF-8.
    """
    *fields, end = changes.split(b"\0")
    if end or not fields or len(fields) % 2:
        raise ValueError("the list of changed files is empty or cut off")
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return [
        f"{path.decode()} {change.decode()}"
        for change, path in pairs
        if not (is_plain(change.decode()) and is_listed(path.decode()))
    ]


def is_plain(change: str) -> bool:
    """Return whether a plain file was added, modified or deleted."""
    before, after, _, _, status = change.removeprefix(":").split(" ")
    return before in MODES and after in MODES and status in ("A", "M", "D")


def is_listed(path: str) -> bool:
    inside = path in FILES or path.startswith(FOLDERS)
    return inside and path.isprintable() and not {"", ".", ".."} & set(path.split("/"))


def git(repository: str, *arguments: str) -> bytes:
    command = ["git", "-C", repository, "--no-replace-objects", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


if __name__ == "__main__":
    decision = decide(sys.argv[1])
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"machinery={decision}\n")
