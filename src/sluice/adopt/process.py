"""Git and DVC as processes whose output is read, whatever the user's settings are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# --no-optional-locks: a question must not write the index.
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")


def git(root: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return _run(root, [*_GIT, *arguments], stdin)


def dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P: a dvc.py in the project must not be taken for DVC.
    return _run(root, [sys.executable, "-P", "-m", "dvc", *arguments], "")


def _run(root: Path, command: list[str], stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=root,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
