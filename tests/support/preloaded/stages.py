"""What a command starts in its turn is forked as well: DVC, and each stage of the pipeline."""

from __future__ import annotations

import os
import shlex
import string
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from support.preloaded.request import ADDRESS, ask, status

_PLAIN = frozenset(string.ascii_letters + string.digits + " -_./=")


def fork_instead_of_starting() -> None:
    """Replace the functions with which sluice starts DVC, and DVC starts a stage."""
    from dvc.stage import run as stage
    from dvc.stage.exceptions import StageCmdFailedError

    from sluice.pipeline import dvc

    start = stage._run

    def run_stage(executable: str, command: str, **options: Any) -> None:
        # What is not plainly a command of sluice is for the shell, as it always is.
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


def _run(command: Any, cwd: Any, environment: Any, files: tuple[int, ...] = (0, 1, 2)) -> int:
    connection, _ = ask(os.environ[ADDRESS], command, cwd, environment, files)
    return status(connection)
