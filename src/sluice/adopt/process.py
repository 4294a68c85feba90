"""Run DVC and read its output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC in the folder `root`; returns its exit status and output."""
    return subprocess.run(
        # -P: Python must not import a dvc.py of the project instead of DVC.
        [sys.executable, "-P", "-m", "dvc", *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
