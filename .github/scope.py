"""Decide whether a pull request needs the tests of the machinery, and a rollout on a cluster.

Writes two lines to the file that GITHUB_OUTPUT names: `machinery=skip` if every changed file is on
the list below, and `cluster=skip` if no changed file is used in a rollout on a cluster. In all
other cases, and after any error, they say `run`. CI uses the base branch's version of this file, so
a pull request cannot influence this decision. This script needs only git and the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# The tests of the machinery use the project in tests/support/fixture_project, and none of these.
FILES = (
    "params.yaml",
    "adopted.yaml",
    "judged.jsonl",
    "data.dvc",
    "dvc.lock",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
)
FOLDERS = (".dvc/store/", "docs/", "src/usecase/", "tests/usecase/")
# Files that are used in a rollout on a cluster, and files that decide whether one is tried.
CLUSTER = (
    "deploy/kubernetes/",
    "image/",
    "src/sluice/rollout/",
    "src/sluice/serve/",
    "src/sluice/commands/canary.py",
    "requirements/",
    "Makefile",
    ".github/",
)
# The modes of a plain file and of a missing file. Links, submodules and executables have other
# modes.
MODES = ("100644", "000000")
# The options override all settings of git that could hide a change.
DIFF = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none")


def decide(repository: str) -> dict[str, str]:
    """Return `run` or `skip` for each output, for the merge commit at HEAD; print the reasons."""
    try:
        changes = git(repository, *DIFF, *parents(repository))
        reasons, parts = outside(changes), cluster(changes)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        reasons = parts = [f"the changed files could not be listed: {error}"]
    for reason in reasons:
        print(f"The tests of the machinery run: {reason!a}")
    if not reasons:
        print("The tests of the machinery are skipped: no changed file can affect them.")
    for part in parts:
        print(f"A rollout on a cluster is tried: {part!a}")
    if not parts:
        print("No rollout on a cluster is tried: no changed file is used in one.")
    return {
        "machinery": "run" if reasons else "skip",
        "cluster": "run" if parts else "skip",
    }


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
    return [
        f"{path} {change}"
        for change, path in pairs(changes)
        if not (is_plain(change) and is_listed(path))
    ]


def cluster(changes: bytes) -> list[str]:
    """Return the changes of files that are used in a rollout on a cluster, or that are not plain
    files.

    Raises ValueError like `outside`.
    """
    return [
        f"{path} {change}"
        for change, path in pairs(changes)
        if path.startswith(CLUSTER) or not is_plain(change)
    ]


def pairs(changes: bytes) -> list[tuple[str, str]]:
    """Return how each changed file has changed, and its path."""
    *fields, end = changes.split(b"\0")
    if end or not fields or len(fields) % 2:
        raise ValueError("the list of changed files is empty or cut off")
    texts = [field.decode() for field in fields]
    return list(zip(texts[::2], texts[1::2], strict=True))


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
    decisions = decide(sys.argv[1])
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.writelines(f"{name}={decision}\n" for name, decision in decisions.items())
