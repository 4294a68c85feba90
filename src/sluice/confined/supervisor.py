"""Start a task of the use case in a confined child process, and end whatever it leaves running.

This module imports nothing heavy, because the process must be small when it forks.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sluice.confined import kernel

FAILED = 70


def main(text: str) -> int:
    """Run a plan, which is JSON; returns the exit status of the task, or its negative signal modulo
    256.

    The keys of a plan: `task` is the module to run, `arguments` are its arguments, and `inputs` is
    the folder of its inputs. `confined` says whether to confine it; `read` and `write` are the
    paths that it may read and write. The first path in `write` is its folder for results.
    """
    plan = json.loads(text)
    if plan["confined"]:
        kernel.die_with_parent()
        kernel.adopt_orphans()
    child = os.fork()
    if child == 0:
        os._exit(_child(plan))
    _, status = os.waitpid(child, 0)
    if plan["confined"]:
        _end_descendants()
    return os.waitstatus_to_exitcode(status) % 256


def _child(plan: dict[str, Any]) -> int:
    """Confine this process and run the task; never returns to the caller's code."""
    sys.dont_write_bytecode = True
    status = FAILED
    try:
        if plan["confined"]:
            kernel.die_with_parent()
            kernel.confine(map(Path, plan["read"]), map(Path, plan["write"]))
        os.chdir(plan["write"][0])
        task = importlib.import_module(plan["task"])
        status = task.main(Path(plan["inputs"]), Path(plan["write"][0]), *plan["arguments"])
    except BaseException as error:  # the task is code of the use case, which may raise anything
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def _end_descendants() -> None:
    """Kill all remaining processes, so that nothing can write any more."""
    while True:
        for process in _children(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state = Path("/proc", name, "stat").read_text("utf-8", "replace")
                # The program's name is in parentheses and may contain any character.
                if int(state.rpartition(")")[2].split()[1]) == parent:
                    found.append(int(name))
    return found
