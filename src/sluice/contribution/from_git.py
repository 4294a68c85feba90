"""What a contribution changes since its base revision, according to git."""

from __future__ import annotations

from pathlib import Path

from sluice import git
from sluice.contribution.compare import compare
from sluice.contribution.record import Contribution
from sluice.errors import SluiceError
from sluice.files import parse_yaml

SETTINGS = "params.yaml"


def since(root: Path, against: str) -> Contribution:
    """The changes of the files in `root` since the revision `against`.

    Raises SluiceError if git does not have the revision, or cannot compare it.
    """
    commit = git.commit_of(root, against)
    if commit is None:
        raise SluiceError(f"--against {against}: git has no such revision here; fetch it first")
    changed = [_printable(path) for path in git.changed_since(root, commit)]
    before = git.file_at(root, commit, SETTINGS)
    here = (root / SETTINGS).read_bytes() if (root / SETTINGS).is_file() else None
    return compare(commit[:7], _parsed(before), _parsed(here), changed)


def _printable(path: str) -> str:
    """A path on disk can be any bytes, but the report is UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _parsed(content: bytes | None) -> object:
    try:
        return parse_yaml(content, SETTINGS) if content else {}
    except SluiceError:  # the run itself reports what is wrong with it
        return {}
