"""Put the temporary files of the tests into memory.

A run creates and deletes a million files, and the kernel spends a sixth of the run's CPU time on
finding places for them on a disk.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
# A run needs a tenth of this size. In a container the folder is often smaller, and is not used.
_LEAST_FREE = 8 * 2**30


def use() -> None:
    """Let this process and those that it starts create their temporary files in memory.

    What is left at the end of this process is deleted, except for pytest's own folders. Nothing
    changes if TMPDIR is set, or if the folder is too small or runs no programs.
    """
    if "TMPDIR" in os.environ or not _IN_MEMORY.is_dir():
        return
    programs_run = not os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC
    if programs_run and shutil.disk_usage(_IN_MEMORY).free >= _LEAST_FREE:
        folder = tempfile.mkdtemp(prefix="sluice-tests-", dir=_IN_MEMORY)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ.update(TMPDIR=folder, PYTEST_DEBUG_TEMPROOT=str(_IN_MEMORY))
        tempfile.tempdir = None  # Python remembers the folder that it used first
