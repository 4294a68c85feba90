"""The processes that a command starts are forked as well: DVC, each stage, and each task of the use
case.

A task is confined in the fork as it is in production. The server that it is forked from has read no
code of any use case.
"""

from __future__ import annotations

import json
import os
import shlex
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import sluice
from support.preloaded.request import ADDRESS, ask, status

TASK = "task of the use case"
_OWN = sluice.__file__

_PLAIN = frozenset(string.ascii_letters + string.digits + " -_./=")


def fork_instead_of_starting() -> None:
    """Replace the functions with which sluice starts DVC and tasks, and DVC starts a stage."""
    from dvc.stage import run as stage
    from dvc.stage.exceptions import StageCmdFailedError

    from sluice.confined import run as confined
    from sluice.pipeline import dvc, environment

    start = stage._run

    def run_stage(executable: str, command: str, **options: Any) -> None:
        # Everything that is not clearly a command of sluice is run by the shell, as usual.
        if not command.startswith("sluice ") or not _PLAIN.issuperset(command):
            start(executable, command, **options)
        elif ended := _run(shlex.split(command), options["cwd"], options["env"]):
            raise StageCmdFailedError(command, ended)

    def run_dvc(root: Path, *command: str) -> int:
        return _run(command, root, os.environ)

    def ask_dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*dvc._COMMAND, *arguments]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            ended = _run(command, root, os.environ, (0, out.fileno(), err.fileno()))
            said = [os.pread(f.fileno(), 2**30, 0).decode() for f in (out, err)]
        return subprocess.CompletedProcess(command, ended, *said)

    stage._run, dvc._run, dvc.ask = run_stage, run_dvc, ask_dvc
    confined._start = partial(start_task, lambda: os.environ[ADDRESS])
    # It takes seconds to read every library, which are the same for all of these commands;
    # tests/pipeline/test_environment.py does it.
    environment._require_digests = lambda listed: None


def start_task(
    address: Callable[[], str], plan: Mapping[str, Any], outputs: Path
) -> tuple[int, str]:
    """Start a task as `sluice.confined.run` does, but in a fork of the server."""
    from sluice.confined import run as confined

    reader, writer = os.pipe()
    command, environment = [TASK, json.dumps(plan)], confined._environment(outputs)
    running = str(sys.modules["sluice"].__file__)
    if running != _OWN:  # the code of a clone, which the server does not have loaded
        environment["PYTHONPATH"] = str(Path(running).parent.parent)
    with open(os.devnull) as none:
        files = (none.fileno(), writer, writer)
        connection, _ = ask(address(), command, outputs, environment, files)
    os.close(writer)
    with open(reader, "rb") as lines:
        last = confined._show(confined.lines_of(lines))
    return status(connection), last


def _run(command: Any, cwd: Any, environment: Any, files: tuple[int, ...] = (0, 1, 2)) -> int:
    connection, _ = ask(os.environ[ADDRESS], command, cwd, environment, files)
    return status(connection)
