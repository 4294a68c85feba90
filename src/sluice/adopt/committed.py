"""Files that an adoption replaces must be committed, so that git can restore them.

An adoption may also replace what an earlier one has written, as long as nobody has changed it.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from sluice import files, git
from sluice.errors import SluiceError

_SHOWN = 3
_WRITTEN = Path(".dvc", "tmp", "adopted.json")  # git ignores this folder


def require_committed(root: Path, *paths: str) -> None:
    """Raise SluiceError unless git could restore every file under `paths` as it is now.

    Files that have not changed since the last adoption wrote them may be uncommitted.
    """
    found = git.run(root, "rev-parse", "--is-inside-work-tree")
    if found.returncode:
        raise SluiceError(f"an adoption could not be undone with git: {git.reason(found)}")
    if changed := _changed_by_others(root, *paths):
        raise SluiceError(
            f"{_list(changed)} not committed and would be replaced or deleted: commit what you "
            "need and move the rest elsewhere first"
        )
    if hidden := _hidden(root, *paths):
        raise SluiceError(
            f"{_list(hidden)} marked in git as skip-worktree or assume-unchanged, which hides "
            "changes: run 'git update-index --no-skip-worktree' and then 'git update-index "
            "--no-assume-unchanged' on each file first"
        )


def remember_written(root: Path, *paths: str) -> None:
    """Record what an adoption has left under `paths`, so that the next one may replace it."""
    files.write_json(root / _WRITTEN, _digests(root, _uncommitted(root, *paths)))


def would_commit(root: Path, file: Path) -> bool:
    """Whether `git add -A` would commit a file, or has done so."""
    place = file.resolve()
    if not place.is_relative_to(root.resolve()):
        return False
    return git.run(root, "check-ignore", "--quiet", "--", str(place)).returncode == 1


def _changed_by_others(root: Path, *paths: str) -> list[str]:
    changed = _uncommitted(root, *paths)
    if not changed or not (root / _WRITTEN).exists():
        return changed
    written, now = files.read_json(root / _WRITTEN), _digests(root, changed)
    return [path for path in changed if path not in written or written[path] != now[path]]


def _digests(root: Path, paths: list[str]) -> dict[str, str | None]:
    """Return the sha256 of each file, None for one that is missing. paths: as git names them."""
    top = Path(git.text(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    return {
        path: files.sha256_of_file(top / path) if (top / path).is_file() else None for path in paths
    }


def _uncommitted(root: Path, *paths: str) -> list[str]:
    """Return files that are changed, untracked or ignored, except Python's compiled files."""
    status = git.text(
        root,
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",  # a rename would be an entry with two paths
        "--ignored",
        "--untracked-files=all",
        "--ignore-submodules=none",
        "--",
        *paths,
    )
    entries = [(line[:2], line[3:]) for line in status.split("\0") if line]
    return [path for code, path in entries if not (code in ("??", "!!") and _is_compiled(path))]


def _is_compiled(path: str) -> bool:
    """Whether Python wrote the file and will write it again."""
    file = PurePosixPath(path)
    return file.parent.name == "__pycache__" and file.suffix == ".pyc"


def _hidden(root: Path, *paths: str) -> list[str]:
    """Return files whose changes `git status` would not report, changed or not."""
    listed = git.text(root, "ls-files", "-v", "-z", "--", *paths)
    entries = [line.split(" ", 1) for line in listed.split("\0") if line]
    return [path for tag, path in entries if tag == "S" or tag.islower()]


def _list(paths: list[str]) -> str:
    """Return the first paths, followed by "is" or "are"."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(paths[:_SHOWN])}{more} {'is' if len(paths) == 1 else 'are'}"
