"""Limits on time: clients that are slow, silent or do not read are disconnected."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import pytest

from support.serving.payloads import columns, encode, records_body
from support.serving.raw_http import POST, connected, exchange, read_reply, statuses
from support.serving.server import RunningServer, UnpackedPackage, metric

Serve = Callable[..., AbstractContextManager[RunningServer]]
MIB = 2**20


@pytest.mark.parametrize(
    ("sent", "part"),
    [
        (b"GET /v2 HTTP/1.1\r\nX: ", "headers"),
        (POST + b"Content-Length: 1000\r\n\r\n", "body"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", "body"),
    ],
    ids=["headers", "body", "chunks"],
)
def test_a_slow_client_gets_408_in_time(serve: Serve, sent: bytes, part: str) -> None:
    """Further bytes do not extend the deadline."""
    with serve("--header-seconds=1", "--body-seconds=1") as server, connected(server) as slow:
        began = time.monotonic()
        slow.sendall(sent)
        slow.settimeout(0.1)
        received, drop = b"", b"1\r\nx\r\n" if b"chunked" in sent else b"x"
        while b"\r\n\r\n" not in received:
            assert time.monotonic() - began < 5
            with contextlib.suppress(TimeoutError):
                received += slow.recv(4096)
            slow.sendall(drop)
        assert 0.9 < time.monotonic() - began < 8
        assert statuses(received) == [408]
        assert part.encode() in received
        assert metric(server, "sluice_errors_total", kind="too_slow") == 1
        assert metric(server, "sluice_errors_total") == 1, "counted once"


def test_silent_connections_are_closed(serve: Serve) -> None:
    """One client sends nothing, one has sent a request, and one sends a line end after it."""
    options = ("--header-seconds=1", "--idle-seconds=1")
    with serve(*options) as server, ExitStack() as opened:
        began = time.monotonic()
        silent = [opened.enter_context(connected(server, 8)) for _ in range(3)]
        silent[1].sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        silent[2].sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(silent[2].recv(4096)) == [200]
        silent[2].sendall(b"\r\n")
        for connection in silent:
            while connection.recv(4096):
                pass
        assert time.monotonic() - began < 8


def test_a_truncated_body_is_not_scored(server: RunningServer, content: UnpackedPackage) -> None:
    logged, body = len(server.logged()), records_body(content)
    gone = metric(server, "sluice_errors_total", kind="client_gone")
    for end in (len(body) - 1, 1, 0):
        head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
        assert exchange(server, head + body[:end], finish=True) == b""
    with connected(server) as connection:  # the last client disconnects before its body is complete
        connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    deadline = time.monotonic() + 30
    while metric(server, "sluice_errors_total", kind="client_gone") < gone + 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(server.logged()) == logged
    assert metric(server, "sluice_errors_total", kind="client_gone") == gone + 4
    assert "Traceback" not in server.stderr.read_text()


@pytest.mark.parametrize("route", ["score", "infer"])
def test_what_a_proxy_has_given_up_is_not_scored_later(
    server: RunningServer, content: UnpackedPackage, route: str
) -> None:
    """A client without a proxy may close only its own side and still wait."""
    path, body = "/score", records_body(content)
    if route == "infer":
        path = f"/v2/models/{server.name}/infer"
        body = encode({"inputs": columns(content.signature, content.rows[:1])})
    logged = len(server.logged())
    gone = metric(server, "sluice_errors_total", kind="client_gone")
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    with connected(server) as proxied, connected(server) as direct:
        for pid in server.workers:
            os.kill(pid, signal.SIGSTOP)
        proxied.sendall(head + b"X-Forwarded-For: 192.0.2.1\r\n\r\n" + body)
        direct.sendall(head + b"\r\n" + body)
        for connection in (proxied, direct):
            connection.shutdown(socket.SHUT_WR)
        for pid in server.workers:
            os.kill(pid, signal.SIGCONT)
        assert [read_reply(each).status for each in (proxied, direct)] == [503, 200]
    assert len(server.logged()) == logged + 1
    assert metric(server, "sluice_errors_total", kind="client_gone") == gone + 1


def test_a_client_that_does_not_read_is_disconnected(
    serve: Serve, content: UnpackedPackage
) -> None:
    """The client's responses fill the buffers; body_seconds later the server disconnects it."""
    body = records_body(content, 1000)
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with serve("--body-seconds=2") as server, socket.socket() as deaf:
        handles = metric(server, "process_open_fds")
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(2)
        deaf.connect((server.host, server.port))
        # The client stops sending when the server no longer reads.
        with contextlib.suppress(TimeoutError, OSError):
            for _ in range(400):
                deaf.sendall(request)
        assert server.memory < 400 * MIB
        assert server.score(content.rows[0]).status == 200
        for _ in range(200):
            if metric(server, "process_open_fds") <= handles:
                return
            time.sleep(0.1)
        raise AssertionError("the client is still connected")
