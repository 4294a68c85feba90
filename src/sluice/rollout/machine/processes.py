"""Processes, possibly started by others, identified by their id and when they were created."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.rollout.machine.record import Process

if TYPE_CHECKING:
    import psutil

_END_SECONDS = 20.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_CLOCKS = 2.0  # seconds by which times since 1970 may differ, because the clock is corrected


def known(pid: int) -> Process:
    """The record of a running process."""
    import psutil

    return _identified(psutil.Process(pid))


def _identified(found: psutil.Process) -> Process:
    try:
        fields = Path(f"/proc/{found.pid}/stat").read_text("utf-8", "replace")
        boot = _BOOT.read_text().strip()
    except OSError:
        return Process(found.pid, found.create_time())
    # The name of the program, in parentheses, may contain spaces.
    ticks = int(fields.rpartition(")")[2].split()[19])
    return Process(found.pid, ticks / os.sysconf("SC_CLK_TCK"), boot)


def naming(folder: Path) -> list[Process]:
    """The processes whose command line names a path in this folder."""
    return _with(lambda word: word.startswith(f"{folder}{os.sep}"))


def given(option: str) -> list[Process]:
    """The processes with this word in their command line."""
    return _with(lambda word: word == option)


def _with(wanted: Callable[[str], bool]) -> list[Process]:
    import psutil

    found = []
    for each in psutil.process_iter(["cmdline"]):
        if any(map(wanted, each.info["cmdline"] or ())):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(_identified(each))
    return found


def alive(process: Process) -> bool:
    """Whether the process still runs."""
    return _found(process) is not None


def end(*ended: Process) -> None:
    """Send SIGTERM; after 20 s, kill the processes and their children.

    A stopped process does not react to SIGTERM, but must not continue later with requests that were
    given up.
    """
    import psutil

    families = [family for process in ended if (family := _family(process))]
    deaf: list[psutil.Process] = []
    for family in families:
        with contextlib.suppress(psutil.NoSuchProcess):
            stopped = family[0].status() == psutil.STATUS_STOPPED
            deaf += family if stopped else []
            family[0].send_signal(signal.SIGTERM)
    _kill(deaf)
    _, left = psutil.wait_procs([each for family in families for each in family], _END_SECONDS)
    _kill(left)


def _kill(processes: list[psutil.Process]) -> None:
    import psutil

    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(processes, _END_SECONDS)


def _family(process: Process) -> list[psutil.Process]:
    """The process and all its descendants; empty if it has ended."""
    import psutil

    found = _found(process)
    try:
        return [found, *found.children(recursive=True)] if found else []
    except psutil.NoSuchProcess:
        return []


def _found(process: Process) -> psutil.Process | None:
    """The process; None if it has ended."""
    import psutil

    try:
        found = psutil.Process(process.pid)
        if process.boot:
            same = _identified(found) == process
        else:
            same = abs(found.create_time() - process.created) < _CLOCKS
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
