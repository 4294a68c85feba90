"""Run git so that its output does not depend on the settings of the user.

Settings and environment variables that change git's output, run a program or name another
repository are disabled. Settings that decide what git may read, such as safe.directory, and what
belongs to the repository, such as core.excludesFile, remain in force.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sluice.errors import SluiceError

# Only what options such as --porcelain and -z below do not already disable.
_SETTINGS = {
    "color.ui": "false",
    "color.diff": "false",  # 'always' would override color.ui, here and in the next two
    "color.grep": "false",
    "color.status": "false",
    "core.fsmonitor": "false",  # may name a program
    "core.hooksPath": "/dev/null",  # programs that git runs after writing the index
    "core.quotePath": "false",
    "diff.autoRefreshIndex": "true",
    "diff.ignoreSubmodules": "none",
    "grep.column": "false",
    "grep.lineNumber": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "log.showSignature": "false",
    "status.showUntrackedFiles": "normal",
    "submodule.recurse": "false",
}
# Replaced objects would give the same commit another content in each clone.
_COMMAND = (
    *("git", "--no-pager", "--no-replace-objects"),
    *(word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")),
)
_VARIABLES = (
    # These run a program, or change what a pattern means.
    *("GIT_EXTERNAL_DIFF", "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
    *("GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS"),
    # Git sets these for its hooks. They name a repository, but only the folder may decide that.
    *("GIT_ATTR_SOURCE", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_WORK_TREE"),
)
# Without optional locks, git reads the index but does not write it.
_ENVIRONMENT = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def run(
    root: Path, *arguments: str, stdin: bytes = b"", settings: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run git in the folder `root` and return its exit status and output.

    settings: more options of git itself, such as `-c name=value`.
    Raises SluiceError only if git cannot be started.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        # A trace would be mistaken for the reason of a failure.
        if name not in _VARIABLES and not name.startswith("GIT_TRACE")
    }
    try:
        return subprocess.run(
            [*_COMMAND, *settings, *arguments],
            cwd=root,
            input=stdin,
            env={**inherited, **_ENVIRONMENT},
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        if not root.is_dir():
            raise SluiceError(f"{root} is not a folder, so git cannot run in it") from None
        raise SluiceError("git is not installed: install it and run this again") from None
    except OSError as error:
        raise SluiceError(f"git cannot be started: {error.strerror or error}") from None


def read(root: Path, *arguments: str, stdin: bytes = b"", settings: tuple[str, ...] = ()) -> bytes:
    """Run git and return what it prints; raises SluiceError with git's reason if it fails."""
    done = run(root, *arguments, stdin=stdin, settings=settings)
    if done.returncode:
        raise SluiceError(f"'git {arguments[0]}' failed: {reason(done)}")
    return done.stdout


def text(root: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Like `read`, but decoded as UTF-8; bytes that are not UTF-8 become surrogates."""
    return read(root, *arguments, stdin=stdin).decode("utf-8", "surrogateescape")


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why git failed, in one line: its own error message and, for common errors, what to do."""
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
    messages = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    if not messages:
        return (
            " ".join(filter(None, lines)) or f"git gave no reason (exit status {done.returncode})"
        )
    message = messages[-1].partition(": ")[2]
    if message.startswith("not a git repository"):
        return f"{message}; run 'git init', 'git add .' and 'git commit' first"
    if message.endswith("does not have any commits yet"):
        return f"{message}; run 'git add .' and 'git commit' first"
    if "dubious ownership" in message:
        command = next((line for line in lines if line.startswith("git config ")), "")
        return f"{message}; if you trust it, run '{command}'" if command else message
    return message


def is_work_tree(root: Path) -> bool:
    """Whether `root` is in the work tree of a repository that git agrees to read."""
    done = run(root, "rev-parse", "--is-inside-work-tree")
    return done.returncode == 0 and done.stdout.strip() == b"true"


def head(root: Path) -> tuple[str, int]:
    """The hash of the checked-out commit, and its time in seconds since 1970."""
    commit, seconds = text(root, "log", "-1", "--format=%H %ct").split()
    return commit, int(seconds)


def commit_of(root: Path, revision: str) -> str | None:
    """The hash of the commit that a revision names, or None if the repository does not have it.

    Raises SluiceError if git cannot read the repository.
    """
    name = f"{revision}^{{commit}}"
    done = run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    # With --quiet, git says nothing about a revision that it does not find.
    if done.returncode and done.stderr:
        raise SluiceError(f"'git rev-parse' failed: {reason(done)}")
    return None if done.returncode else done.stdout.decode("ascii").strip()


def tracked(root: Path, *patterns: str) -> list[str]:
    """The tracked files that match any of the patterns, as paths relative to `root`."""
    return _split(text(root, "ls-files", "-z", "--", *patterns))


def submodules(root: Path) -> list[str]:
    """The folders whose content is that of another repository, as paths relative to `root`."""
    listed = _split(text(root, "ls-files", "--stage", "-z"))
    return [line.partition("\t")[2] for line in listed if line.startswith("160000 ")]


def changed(root: Path, *paths: str) -> bool:
    """Whether the work tree differs from the commit; untracked files count, ignored ones do not."""
    options = ("--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=none")
    off = _without_filters(root)
    return bool(read(root, "status", *options, "--", *paths, settings=off))


def _without_filters(root: Path) -> tuple[str, ...]:
    """Options that prevent programs from converting files before they are compared with the commit.

    A filter in .git/config could make any changed file look unchanged.
    """
    found = run(root, "config", "--null", "--name-only", "--get-regexp", r"^filter\.")
    names = {name.rpartition(".")[0] for name in _split(found.stdout.decode("utf-8", "replace"))}
    off = {"clean": "", "smudge": "", "process": "", "required": "false"}
    return tuple(
        word
        for name in sorted(names)
        for key, value in off.items()
        for word in ("-c", f"{name}.{key}={value}")
    )


def changed_files(root: Path) -> list[str]:
    """The files that differ from the commit, with untracked ones, relative to the repository."""
    options = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    listed = read(root, "status", *options, settings=_without_filters(root))
    return [line[3:] for line in _split(listed.decode("utf-8", "surrogateescape"))]


def changed_since(root: Path, commit: str) -> list[str]:
    """The tracked files that differ from a commit, as paths relative to the repository's root."""
    options = ("--name-only", "-z", "--no-renames", "--no-relative", "--ignore-submodules=none")
    # -O/dev/null: the user's order file must not decide the order.
    diff = ("diff", *options, "--no-ext-diff", "-O/dev/null", commit, "--")
    listed = read(root, *diff, settings=_without_filters(root))
    return _split(listed.decode("utf-8", "surrogateescape"))


def file_at(root: Path, commit: str, path: str) -> bytes | None:
    """The content of a file in a commit, or None if it is not there.

    `path` is relative to the repository's root. Raises SluiceError if git cannot read the file.
    """
    if not read(root, "ls-tree", "--full-tree", "-z", commit, "--", path):
        return None
    return read(root, "cat-file", "blob", f"{commit}:{path}")


def _split(listed: str) -> list[str]:
    return [name for name in listed.split("\0") if name]
