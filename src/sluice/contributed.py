"""What git says a contribution changes since the revision that it starts from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sluice.config import parse_yaml
from sluice.errors import SluiceError
from sluice.report.contribution import Contribution, compare

SETTINGS = "params.yaml"


def since(root: Path, against: str) -> Contribution:
    """Raises SluiceError for a revision that git does not have."""
    said = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{against}^{{commit}}"
    )
    if said is None:
        raise SluiceError(f"--against {against}: git has no such revision here; fetch it first")
    commit = said.strip()
    paths = _git(root, "diff", "--name-only", "--no-renames", "-z", commit, "--") or ""
    before = _git(root, "show", f"{commit}:{SETTINGS}")
    here = (root / SETTINGS).read_bytes() if (root / SETTINGS).is_file() else b""
    changed = filter(None, paths.split("\0"))
    return compare(commit[:7], _parsed((before or "").encode()), _parsed(here), changed)


def lock_is_stale(root: Path) -> bool:
    """Whether dvc.lock differs from the one that is committed."""
    return bool(_git(root, "status", "--porcelain", "--", "dvc.lock"))


def _parsed(content: bytes) -> object:
    try:
        return parse_yaml(content, SETTINGS) if content else {}
    except SluiceError:  # the run itself names what is wrong with it
        return {}


def _git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    return None if done.returncode else done.stdout
