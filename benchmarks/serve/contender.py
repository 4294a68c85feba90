"""A server to measure: how it is started, sent requests, checked and stopped."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil
from subject import Row, Subject

HOST = "127.0.0.1"
SERVER_CORE, LOAD_CORE = 0, 1
PATIENCE = 120.0
GRACE = 5.0
TOLERANCE = 1e-6


class NotMeasurableError(Exception):
    """A server cannot be measured; the message says why."""


@dataclass(frozen=True)
class Contender:
    """A server and its configuration.

    command: the command line for a free port. path, ready: the paths of scoring and of
    the readiness check. encode: a row in the server's request format. decode: the
    probability in its response; None if the server does not score.
    """

    name: str
    title: str
    kind: Literal["ours", "peer", "floor"]
    configuration: str
    versions: dict[str, str]
    folder: Path
    command: Callable[[int], list[str]]
    path: str
    ready: str
    encode: Callable[[Row], bytes]
    decode: Callable[[bytes], float] | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """A contender that runs and is ready."""

    contender: Contender
    process: subprocess.Popen[bytes]
    port: int
    seconds_to_ready: float

    def memory_mb(self) -> float:
        """The proportional set size of the process and all its descendants."""
        root = psutil.Process(self.process.pid)
        tree = [root, *root.children(recursive=True)]
        return sum(process.memory_full_info().pss for process in tree) / 1e6

    def ask(self, row: Row) -> bytes:
        """The response for one row; raises NotMeasurableError if it is not a success."""
        body = self.contender.encode(row)
        try:
            status, answer = _request(self.port, "POST", self.contender.path, body)
        except (OSError, http.client.HTTPException) as error:
            raise NotMeasurableError(f"gives no response: {error!r}") from None
        if status != 200:
            raise NotMeasurableError(
                f"responds with status {status}: {answer[:300].decode(errors='replace')}"
            )
        return answer

    def check(self, subject: Subject) -> None:
        """Raise NotMeasurableError if the server's probabilities are not the pipeline's."""
        if self.contender.decode is None:
            return
        for row, expected in zip(subject.rows, subject.expected, strict=True):
            got = self.contender.decode(self.ask(row))
            if not abs(got - expected) <= TOLERANCE:
                raise NotMeasurableError(f"gives {got}, but the pipeline gives {expected}")


@contextmanager
def running(contender: Contender) -> Iterator[Server]:
    """Start a server on its core and wait until it is ready; stop all its processes at the end."""
    port = free_ports(1)[0]
    log = contender.folder / "server.log"
    with log.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *contender.command(port)],
            cwd=contender.folder,
            env={**os.environ, **contender.environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, port, contender.ready, log)
        yield Server(contender, process, port, time.perf_counter() - started)
    finally:
        _end(process)


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise NotMeasurableError(
                f"ended with status {process.returncode}: {log.read_text()[-1000:]}"
            )
        with suppress(OSError, http.client.HTTPException):
            if _request(port, "GET", path)[0] == 200:
                return
        time.sleep(0.005)
    raise NotMeasurableError(f"not ready after {PATIENCE:.0f} s: {log.read_text()[-1000:]}")


def _request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Terminate the process group, and kill it if it still runs some seconds later."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    process.wait()
