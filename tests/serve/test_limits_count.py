"""Limits on the number of connections and of waiting requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from support.serving.payloads import records_body
from support.serving.raw_http import POST, connected, read_reply, statuses
from support.serving.server import Reply, RunningServer, UnpackedPackage, metric

Serve = Callable[..., AbstractContextManager[RunningServer]]
MIB = 2**20


def test_max_connections_limits_open_connections(
    serve: Serve, content: UnpackedPackage, size: Callable[[int, int], int]
) -> None:
    most = size(1_000, 4_000)
    options = (f"--max-connections={most}", "--header-seconds=60")
    with serve(*options) as server, ExitStack() as opened:
        before = server.memory
        idle = [opened.enter_context(connected(server)) for _ in range(most - 1)]
        assert server.score(content.rows[0]).status == 200
        assert server.memory - before < most * 40_000
        idle.append(opened.enter_context(connected(server)))
        for _ in range(100):  # repeat until the server has noticed which connections were closed
            reply = server.score(content.rows[0])
            if reply.status == 503:
                break
            time.sleep(0.05)
        assert reply.status == 503
        assert reply.headers["retry-after"] == "1"
        assert "too many open connections" in reply.error
        idle[0].close()
        for _ in range(100):
            if server.score(content.rows[0]).status == 200:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("a closed connection is still counted")
        assert server.get("/v2/health/live").status == 200


def test_200_slow_clients_do_not_delay_others(serve: Serve, content: UnpackedPackage) -> None:
    body = records_body(content)
    with serve() as server, ExitStack() as opened:
        slow = [opened.enter_context(connected(server)) for _ in range(200)]
        for at, connection in enumerate(slow):
            head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
            connection.sendall((head + body)[: 20 + at])
        took = []
        for _ in range(50):
            began = time.monotonic()
            assert server.score(content.rows[0]).status == 200
            took.append(time.monotonic() - began)
        assert sorted(took)[25] < 1, took
        for at, connection in enumerate(
            slow
        ):  # the slow clients are answered once they have sent everything
            connection.sendall((head + body)[20 + at :])
        assert {statuses(connection.recv(4096))[0] for connection in slow} == {200}


def test_a_full_queue_refuses_with_retry_after(serve: Serve, content: UnpackedPackage) -> None:
    """Small requests arrive while a large one is scored, so they fill the queue all at once."""
    big, small = (
        POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        for body in (records_body(content, 9000), records_body(content))
    )

    def rush(server: RunningServer, pause: float) -> list[Reply]:
        with ExitStack() as opened:
            front, *others = [opened.enter_context(connected(server)) for _ in range(9)]
            for connection in others:
                connection.sendall(small[:-1])
            front.sendall(big)
            time.sleep(pause)
            for connection in others:
                connection.sendall(small[-1:])
            return [read_reply(connection) for connection in (front, *others)]

    with serve("--max-queue=2") as server:
        rows, refused = 0, []
        for attempt in range(20):
            replies = rush(server, 0.005 * attempt)
            scored = [reply for reply in replies if reply.status == 200]
            refused = [reply for reply in replies if reply.status == 503]
            assert len(refused) + len(scored) == 9
            rows += sum(len(reply.json["results"]) for reply in scored)
            if refused:
                break
        assert refused
        assert {reply.headers["retry-after"] for reply in refused} == {"1"}
        assert all("2 requests are waiting" in reply.error for reply in refused)
        assert metric(server, "sluice_errors_total", kind="queue_full") == len(refused)
        assert metric(server, "sluice_rows_total") == rows == len(server.logged())
        assert server.score(content.rows[0]).status == 200
