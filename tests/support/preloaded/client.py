"""Run a command in a fork of the server, which is started when it is first needed."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from support.preloaded import stages
from support.preloaded.request import ask, status

# Variables that an interpreter or a library reads when it starts, and what they were then.
_READ_AT_START = ("PYTHON", "OMP_", "OPENBLAS_", "LD_", "LC_", "LANG", "TZ")
_AT_START = dict(os.environ)
# What `sluice check explanation` sets before it imports shap.
_FOR_SHAP = {"NUMBA_DISABLE_JIT": "1"}


# The folder of the server that all processes of a run share, and a pipe in it that is open for
# writing as long as the run lasts.
_FOLDER, _ALIVE = "SLUICE_TEST_PRELOADED_FOLDER", "alive"


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def needs_an_interpreter(environment: Mapping[str, str]) -> bool:
    """Whether a fork would not notice how one of these variables was changed."""
    return any(
        value != _AT_START.get(name)
        for name, value in environment.items()
        if name.startswith(_READ_AT_START)
    )


def run(
    module: str, *arguments: str, cwd: Path, environment: Mapping[str, str], timeout: float
) -> Done:
    """Run `python -m module arguments` in a fork; returns its status and output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull) as none:
        files = (none.fileno(), out.fileno(), err.fileno())
        command = [sys.executable, "-m", module, *arguments]
        connection, process = ask(server(), command, cwd, environment, files)
        connection.settimeout(timeout)
        try:
            ended = status(connection)
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            raise
        return Done(ended, *(_content(file.fileno()) for file in (out, err)))


def start_task(plan: Mapping[str, Any], outputs: Path) -> tuple[int, str]:
    """Run a task of the use case; returns its status and the last line that it printed."""
    return stages.start_task(server, plan, outputs)


def _content(file: int) -> str:
    size = os.fstat(file).st_size
    return os.pread(file, size, 0).decode()


def share() -> None:
    """Let this process and those that it starts share one server, which ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-preloaded-"))
    os.mkfifo(folder / _ALIVE)
    os.open(folder / _ALIVE, os.O_RDWR)  # stays open until this process ends
    os.environ[_FOLDER] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


@cache
def server() -> str:
    """Start the server, unless another process of this run has; returns its address."""
    if _FOLDER not in os.environ:
        share()
    folder = Path(os.environ[_FOLDER])
    address = str(folder / "socket")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _listens(address):
            _start(folder, address)
    return address


def _start(folder: Path, address: str) -> None:
    command = [sys.executable, "-P", "-m", "support.preloaded.server", address]
    path = os.pathsep.join([str(Path(__file__).parents[2]), _AT_START.get("PYTHONPATH", "")])
    with (folder / _ALIVE).open("rb") as alive:
        process = subprocess.Popen(
            command,
            env={**_AT_START, **_FOR_SHAP, "PYTHONPATH": path.rstrip(os.pathsep)},
            stdin=alive,
            start_new_session=True,  # Ctrl-C is for this process
        )
    end = time.monotonic() + 300
    while not _listens(address):
        assert process.poll() is None, "the server of preloaded processes has ended"
        assert time.monotonic() < end, "the server of preloaded processes does not answer"
        time.sleep(0.05)


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except OSError:
            return False
    return True
