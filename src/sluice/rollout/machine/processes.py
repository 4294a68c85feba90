"""Processes that this one may not have started, told apart by id and time of creation."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from sluice.rollout.machine.record import Process

if TYPE_CHECKING:
    import psutil

_KILL_SECONDS = 5.0


def known(pid: int) -> Process:
    """The record of a running process."""
    import psutil

    return Process(pid, psutil.Process(pid).create_time())


def alive(process: Process) -> bool:
    """Whether it still runs."""
    return bool(_family(process))


def end(process: Process, seconds: float) -> None:
    """Ask it with SIGTERM to end; after `seconds` it and its children are ended by force.

    One that was stopped cannot hear; it must not go on either with requests that were given up.
    """
    import psutil

    family = _family(process)
    if not family:
        return
    if family[0].status() == psutil.STATUS_STOPPED:
        seconds = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        family[0].send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(family, seconds)
    for each in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(left, _KILL_SECONDS)


def _family(process: Process) -> list[psutil.Process]:
    """The process and all its descendants; empty if it has ended."""
    import psutil

    try:
        found = psutil.Process(process.pid)
        if found.create_time() != process.created or found.status() == psutil.STATUS_ZOMBIE:
            return []
        return [found, *found.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
