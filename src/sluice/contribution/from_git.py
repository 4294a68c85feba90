"""What git says that a contribution changes since the revision it starts from."""

from __future__ import annotations

import subprocess
from pathlib import Path

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
    found = _run(root, *asked)
    if found.returncode:
        raise SluiceError(f"--against {against}: git has no such revision here; fetch it first")
    commit = found.stdout.decode().strip()
    paths = _git(root, "diff", "--name-only", "--no-renames", "-z", commit, "--")
    here = (root / SETTINGS).read_bytes() if (root / SETTINGS).is_file() else b""
    changed = [_printable(path) for path in paths.split(b"\0") if path]
    return compare(commit[:7], _parsed(_settings_at(root, commit)), _parsed(here), changed)


def lock_is_stale(root: Path) -> bool:
    """Whether dvc.lock differs from the committed one. Raises SluiceError if git cannot say."""
    return bool(_git(root, "status", "--porcelain", "--", "dvc.lock"))


def _settings_at(root: Path, commit: str) -> bytes:
    """Empty if the commit has no params.yaml; an error if git cannot read it."""
    if not _git(root, "ls-tree", "--full-tree", "-z", commit, "--", SETTINGS):
        return b""
    return _git(root, "cat-file", "blob", f"{commit}:{SETTINGS}")


def _printable(path: bytes) -> str:
    """A path on disk can be any bytes, but the report is UTF-8."""
    return path.decode("utf-8", "replace")


def _parsed(content: bytes) -> object:
    try:
        return parse_yaml(content, SETTINGS) if content else {}
    except SluiceError:  # the run itself names what is wrong with it
        return {}


def _git(root: Path, *arguments: str) -> bytes:
    done = _run(root, *arguments)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        problem = lines[-1] if lines else f"it ended with status {done.returncode}"
        raise SluiceError(f"git {arguments[0]} failed, so it is not known what changed: {problem}")
    return done.stdout


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except OSError as error:
        raise SluiceError(f"git cannot be run: {error}") from None
