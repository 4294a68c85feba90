"""Describes the machine that the figures come from."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from results import Machine


def this() -> Machine:
    """This machine, with its load average before the benchmark."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return Machine(
        next(names, platform.machine()),
        os.cpu_count() or 1,
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        os.getloadavg()[0],
    )
