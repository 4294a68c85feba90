"""Git as a process whose output is read the same way, whatever the user's settings are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sluice.errors import SluiceError

# Settings of a user, a machine or a repository that would change what is parsed here, or that
# would run a program, as core.fsmonitor does.
_SETTINGS = {
    "color.ui": "false",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "diff.noprefix": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "log.showSignature": "false",
    "status.relativePaths": "false",
    "status.showUntrackedFiles": "normal",
    "status.submoduleSummary": "false",
}
_COMMAND = ("git", "--no-optional-locks", "--no-pager")
_OPTIONS = tuple(word for item in _SETTINGS.items() for word in ("-c", "=".join(item)))


def run(root: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git in the folder `root` and return its status and output as bytes.

    Raises SluiceError only if git cannot be started. A question never writes the index.
    """
    try:
        return subprocess.run(
            [*_COMMAND, *_OPTIONS, *arguments],
            cwd=root,
            input=stdin,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise SluiceError("git is not installed: install it and run this again") from None
    except OSError as error:
        raise SluiceError(f"git cannot be started: {error}") from None


def read(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """What git prints; raises SluiceError with git's own last line if git fails."""
    done = run(root, *arguments, stdin=stdin)
    if done.returncode:
        raise SluiceError(f"'git {arguments[0]}' failed: {reason(done)}")
    return done.stdout


def text(root: Path, *arguments: str, stdin: bytes = b"") -> str:
    """As `read`, decoded as UTF-8; a path that is not UTF-8 keeps its bytes as surrogates."""
    return read(root, *arguments, stdin=stdin).decode("utf-8", "surrogateescape")


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """The line in which git says why it failed; 'dubious ownership' comes before a hint."""
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
    said = [line for line in lines if line]
    fatal = [line for line in said if line.startswith(("fatal:", "error:"))]
    return (fatal or said or [f"it ended with status {done.returncode}"])[-1]


def is_work_tree(root: Path) -> bool:
    """Whether `root` lies in the work tree of a repository that git agrees to read."""
    return run(root, "rev-parse", "--is-inside-work-tree").returncode == 0


def head(root: Path) -> tuple[str, int]:
    """The commit that is checked out, and its time in seconds since 1970."""
    commit, seconds = text(root, "log", "-1", "--format=%H %ct").split()
    return commit, int(seconds)


def tracked(root: Path, *patterns: str) -> list[str]:
    """The tracked files that match, relative to `root`."""
    listed = text(root, "ls-files", "-z", "--", *patterns)
    return [name for name in listed.split("\0") if name]


def changed(root: Path, *paths: str) -> bool:
    """Whether the work tree differs from the commit, untracked files included."""
    return bool(read(root, "status", "--porcelain", "--", *paths))
