"""Folders that one process of the tests makes, and all processes of the run read."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


def once(run_folder: Path, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of that name, which the first process that asks for it makes."""
    folder, done = run_folder / name, run_folder / f"{name}.done"
    with (run_folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder
