"""Shutdown: every accepted request is answered, and idle connections do not delay it.

Before that, a server can report for some time that it is not ready while it still answers.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest

from support.serving.payloads import encode
from support.serving.server import RunningServer


class Client(threading.Thread):
    """Sends requests on one connection, and opens another one when the server closes it."""

    def __init__(self, server: RunningServer, body: bytes) -> None:
        super().__init__()
        self._server, self._body = server, body
        self.answered = self.closed = self.unanswered = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while True:
            if connection is None:
                try:
                    connection = self._connect()
                except OSError:
                    if self.stopping.is_set():
                        return  # the server no longer listens: refused, not unanswered
                    raise
            try:
                connection.request("POST", "/score", self._body)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                connection = None
                continue
            self.answered += 1
            if answer.headers["connection"] == "close":
                self.closed += 1
                connection.close()
                connection = None

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=60)
        connection.connect()
        return connection


@pytest.mark.parametrize("workers", ["1", "2"])
def test_under_load_every_request_is_answered(serve, content, workers, size: Callable[..., int]):
    answered = 0
    for _ in range(size(1, 25)):
        with serve("--workers", workers) as server:
            body = encode({"records": content.rows[:1]})
            clients = [Client(server, body) for _ in range(16)]
            for client in clients:
                client.start()
            time.sleep(0.7)
            for client in clients:
                client.stopping.set()
            assert server.stop() == 0
            for client in clients:
                client.join()
        assert sum(client.answered for client in clients) > 16
        assert sum(client.unanswered for client in clients) == 0
        assert sum(client.closed for client in clients) >= 16
        found = {record["request"] for record in server.logged()}
        answered += sum(client.answered for client in clients)
        assert len(found) == answered


def test_an_open_connection_gets_one_more_response_which_closes_it(serve, content):
    with serve() as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        connection.request("GET", "/v2/health/ready")
        assert connection.getresponse().read()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        connection.request("GET", "/v2/health/ready")
        ready = connection.getresponse()
        assert ready.status == 503
        assert b"the server is stopping" in ready.read()
        assert ready.headers["connection"] == "close"
        assert server.process.wait(60) == 0


def test_a_request_that_is_arriving_is_answered(serve, content):
    body = encode({"records": content.rows[:1], "id": "slow"})
    with serve() as server, socket.create_connection((server.host, server.port)) as slow:
        slow.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
        slow.sendall(body[:20])
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        slow.sendall(body[20:])
        answer = slow.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer
        assert server.process.wait(60) == 0
        assert [record["request"] for record in server.logged()] == ["slow"]


def test_a_silent_connection_is_closed_after_drain_seconds(serve):
    with (
        serve("--drain-seconds", "1") as server,
        socket.create_connection((server.host, server.port)) as silent,
    ):
        server.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert server.process.wait(60) == 0
        assert time.monotonic() - started < 15
        assert silent.recv(1) == b""


def test_without_connections_shutdown_is_immediate(serve):
    with serve() as server:
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 4


def test_an_interrupt_stops_the_server_too(serve):
    with serve() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0


def test_a_port_in_use_is_refused_in_one_line(serve, package, server):
    with (
        pytest.raises(AssertionError, match=r"--port \d+: cannot listen"),
        serve("--port", str(server.port)),
    ):
        pass


_LAME_DUCK = ("--lame-duck-seconds", "2", "--drain-seconds", "1")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_lame_duck_is_not_ready_but_accepts_and_answers_until_it_stops(serve, content, workers):
    with serve(*_LAME_DUCK, "--workers", workers) as server:
        server.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        _wait_until_unready(server)
        answered = 0
        while time.monotonic() < started + 1.5:
            assert server.score(content.rows[0]).status == 200  # on a connection of its own
            assert "the server is stopping" in server.get("/v2/health/ready").error
            assert server.get("/v2/health/live").status == 200
            answered += 1
        assert server.process.wait(60) == 0
        assert 2 <= time.monotonic() - started < 10
        assert len(server.logged()) == answered > 2


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_lame_duck_phase(serve, second):
    with serve("--lame-duck-seconds", "600") as server:
        server.process.send_signal(signal.SIGTERM)
        _wait_until_unready(server)
        server.process.send_signal(second)
        assert server.process.wait(30) == 0
        assert "600 s from now" in server.stderr.read_text()


def test_an_interrupt_at_a_terminal_has_no_lame_duck_phase(serve):
    with serve("--lame-duck-seconds", "600") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0


def test_a_worker_that_replaces_a_dead_one_is_a_lame_duck_too(serve, content):
    with serve("--lame-duck-seconds", "600") as server:
        (victim,) = server.workers
        server.process.send_signal(signal.SIGTERM)
        _wait_until_unready(server)
        os.kill(victim, signal.SIGKILL)
        # The socket still accepts: this request waits for the next worker.
        assert server.get("/v2/health/ready").status == 503
        assert server.score(content.rows[0]).status == 200
        assert server.workers != [victim]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def _wait_until_unready(server: RunningServer) -> None:
    for _ in range(500):
        if server.get("/v2/health/ready").status == 503:
            return
        time.sleep(0.01)
    raise AssertionError("the server still says that it is ready")
