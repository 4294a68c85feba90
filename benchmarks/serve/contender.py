"""A server under measurement: what it is told, and how it is started, asked and stopped."""

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


class RefusedError(Exception):
    """A contender that cannot be measured, and why."""


@dataclass(frozen=True)
class Contender:
    """command: from a free port to the command line.

    encode: a row in the server's own request format; decode: the probability in
    its answer, None for a floor that answers nothing.
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
    contender: Contender
    process: subprocess.Popen[bytes]
    port: int
    seconds_to_ready: float

    def memory_mb(self) -> float:
        """The proportional set size of the process and all below it."""
        root = psutil.Process(self.process.pid)
        tree = [root, *root.children(recursive=True)]
        return sum(process.memory_full_info().pss for process in tree) / 1e6

    def ask(self, row: Row) -> bytes:
        body = self.contender.encode(row)
        try:
            status, answer = _request(self.port, "POST", self.contender.path, body)
        except (OSError, http.client.HTTPException) as error:
            raise RefusedError(f"does not answer: {error!r}") from None
        if status != 200:
            raise RefusedError(f"answers {status}: {answer[:300].decode(errors='replace')}")
        return answer

    def check(self, subject: Subject) -> None:
        """Refuse a server whose answers are not the pipeline's."""
        if self.contender.decode is None:
            return
        for row, expected in zip(subject.rows, subject.expected, strict=True):
            got = self.contender.decode(self.ask(row))
            if not abs(got - expected) <= TOLERANCE:
                raise RefusedError(f"answers {got} where the pipeline says {expected}")


@contextmanager
def running(contender: Contender) -> Iterator[Server]:
    """The server on its core, ready; ended with all its processes."""
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
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise RefusedError(f"ended with {process.returncode}: {log.read_text()[-1000:]}")
        with suppress(OSError, http.client.HTTPException):
            if _request(port, "GET", path)[0] == 200:
                return
        time.sleep(0.005)
    raise RefusedError(f"not ready after {PATIENCE:.0f} s: {log.read_text()[-1000:]}")


def _request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, and after some seconds make it."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    process.wait()
