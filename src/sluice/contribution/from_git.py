"""What git says that a contribution changes since the revision it starts from."""

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

    Raises SluiceError if git does not have the revision, or cannot say what changed.
    """
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{against}^{{commit}}"]
    found = git.run(root, *asked)
    if found.returncode:
        raise SluiceError(f"--against {against}: git has no such revision here; fetch it first")
    commit = found.stdout.decode().strip()
    paths = git.read(root, "diff", "--name-only", "--no-renames", "-z", commit, "--")
    here = (root / SETTINGS).read_bytes() if (root / SETTINGS).is_file() else b""
    changed = [_printable(path) for path in paths.split(b"\0") if path]
    return compare(commit[:7], _parsed(_settings_at(root, commit)), _parsed(here), changed)


def lock_is_stale(root: Path) -> bool:
    """Whether dvc.lock differs from the committed one. Raises SluiceError if git cannot say."""
    return git.changed(root, "dvc.lock")


def _settings_at(root: Path, commit: str) -> bytes:
    """Empty if the commit has no params.yaml; an error if git cannot read it."""
    if not git.read(root, "ls-tree", "--full-tree", "-z", commit, "--", SETTINGS):
        return b""
    return git.read(root, "cat-file", "blob", f"{commit}:{SETTINGS}")


def _printable(path: bytes) -> str:
    """A path on disk can be any bytes, but the report is UTF-8."""
    return path.decode("utf-8", "replace")


def _parsed(content: bytes) -> object:
    try:
        return parse_yaml(content, SETTINGS) if content else {}
    except SluiceError:  # the run itself names what is wrong with it
        return {}
