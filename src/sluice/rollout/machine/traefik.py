"""Traefik as a process: its program, its start, and whether it answers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from sluice import files
from sluice.errors import SluiceError
from sluice.rollout.machine import api, processes, proxy
from sluice.rollout.machine.record import Machine
from sluice.serve.target import HOST, wait

_OUTPUT = "traefik.log"
_RELEASE_SECONDS = 5.0


def start(folder: Path, machine: Machine) -> subprocess.Popen[bytes]:
    """Start Traefik for production in this folder.

    One that a killed process had started, but not recorded, is ended first. Raises SluiceError if
    another program uses one of its ports.
    """
    static = folder.resolve() / proxy.STATIC
    option = f"--configFile={static}"
    processes.end(*processes.given(option))
    for port in (machine.port, machine.api):
        _wait_until_free(port)
    content = proxy.static(machine, (folder / proxy.DYNAMIC).parent)
    files.write(static, proxy.encode(content))
    with (folder / _OUTPUT).open("ab") as stream:
        return subprocess.Popen(
            [_program(), option],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **proxy.ENVIRONMENT},
            start_new_session=True,
        )


def wait_for(started: subprocess.Popen[bytes], folder: Path, machine: Machine) -> None:
    """Wait until it answers; raises SluiceError if it ends first, or does not answer in time."""

    def said() -> str:
        return (folder / _OUTPUT).read_text("utf-8", "replace")

    wait(lambda: answers(machine.api), lambda: started.poll() is None, said)


def answers(port: int) -> bool:
    """Whether Traefik answers on the port of its own API."""
    try:
        api.get(port, "/api/version")
    except SluiceError:
        return False
    return True


def free_port(port: int) -> int:
    """This port, or a free one for 0; raises SluiceError if it is in use."""
    try:
        with socket.create_server((HOST, port)) as listener:
            return int(listener.getsockname()[1])
    except OSError as error:
        raise SluiceError(f"port {port} cannot be used: {error.strerror}") from None


def _wait_until_free(port: int) -> None:
    """The kernel may close the port of a killed process a moment after the process is gone."""
    end = time.monotonic() + _RELEASE_SECONDS
    while time.monotonic() < end:
        try:
            free_port(port)
        except SluiceError:
            time.sleep(0.05)
        else:
            return
    free_port(port)


def _program() -> str:
    """The program from this environment, or from the search path."""
    beside = Path(sys.executable).with_name("traefik")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("traefik")
    if found is None:
        raise SluiceError(
            "Traefik is not installed: run pip install '.[rollout]', or put it on the search path"
        )
    return found
