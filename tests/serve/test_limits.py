"""Too much, too slow, too many: each has its limit, and nobody else waits for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import fields
from typing import Any

import pytest
import requests

from sluice.serve.settings import ServerSettings
from support.serving.running import Reply, Running, Unpacked, columns, exchange, metric, statuses

Serve = Callable[..., AbstractContextManager[Running]]
MIB = 2**20
POST = b"POST /score HTTP/1.1\r\nHost: x\r\n"


def _connected(server: Running, seconds: float = 20) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=seconds)


def _body(content: Unpacked, rows: int = 1) -> bytes:
    return json.dumps({"records": content.rows[:1] * rows}).encode()


def _parts(size: int) -> Iterator[bytes]:
    part = b" " * MIB
    for _ in range(size // MIB):
        yield part


# Sizes


@contextlib.contextmanager
def _flat_memory(server: Running) -> Iterator[None]:
    """Resident memory grows by less than 20 MB, looked at all the while."""
    server.ask("POST", "/score", b" " * MIB)
    before, done = server.memory, threading.Event()
    peak = [before]

    def look() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], server.memory)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        done.set()
        looking.join()
    assert peak[0] - before < 20 * MIB, f"{(peak[0] - before) / MIB:.0f} MiB more"


@pytest.mark.parametrize("form", ["length", "chunks"])
@pytest.mark.parametrize("client", ["requests", "http.client", "reads first"])
def test_200_mb_get_413_and_memory_stays_flat(server: Running, form: str, client: str) -> None:
    """Also a client that sends everything before it reads hears why, not a broken pipe."""
    asks = {"requests": _by_requests, "http.client": _by_http_client, "reads first": _reads_first}
    logged = len(server.logged())
    with _flat_memory(server):
        status, error = asks[client](server, 200 * MIB, chunked=form == "chunks")
    assert status == 413
    assert "8,388,608 bytes" in error
    assert len(server.logged()) == logged


def _by_requests(server: Running, size: int, *, chunked: bool) -> tuple[int, str]:
    at = f"http://{server.host}:{server.port}/score"
    data: Any = _parts(size) if chunked else bytes(size)
    reply = requests.post(at, data=data, timeout=60)
    return reply.status_code, str(reply.json()["error"])


def _by_http_client(server: Running, size: int, *, chunked: bool) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    headers = {} if chunked else {"Content-Length": str(size)}
    connection.request("POST", "/score", _parts(size), headers, encode_chunked=chunked)
    with contextlib.closing(connection):
        answer = connection.getresponse()
        return answer.status, str(json.loads(answer.read())["error"])


def _reads_first(server: Running, size: int, *, chunked: bool) -> tuple[int, str]:
    """A length that is too large is refused before a byte of the body."""
    with _connected(server) as connection:
        if chunked:
            connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            for part in _parts(9 * MIB):
                connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        else:
            connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % size)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, str(json.loads(answer.read())["error"])


def test_after_a_413_the_connection_goes_on(server: Running, content: Unpacked) -> None:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    with contextlib.closing(connection):
        for body, status in ((b" " * 9 * MIB, 413), (_body(content), 200)):
            connection.request("POST", "/score", body)
            answer = connection.getresponse()
            assert answer.status == status
            answer.read()


def test_a_body_that_is_announced_need_not_be_sent(server: Running, content: Unpacked) -> None:
    """The refusal comes instead of the word to go on, and ends the connection."""
    announced = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    assert statuses(exchange(server, announced % (200 * MIB))) == [413]
    unknown = announced.replace(b"/score", b"/nothing")
    assert statuses(exchange(server, unknown % 10)) == [404]


def test_thousands_of_requests_sent_ahead_are_answered_in_turn(server: Running) -> None:
    times, before = 5_000, server.memory
    got = exchange(server, b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n" * times, finish=True)
    assert statuses(got) == [200] * times
    assert server.memory - before < 20 * MIB


def test_a_body_is_held_to_max_body(serve: Serve, content: Unpacked) -> None:
    body = _body(content)
    with serve(f"--max-body={len(body)}") as server:
        assert server.ask("POST", "/score", body).status == 200
        assert server.ask("POST", "/score", body + b" ").status == 413
        chunks = b"%x\r\n%b\r\n2\r\n  \r\n0\r\n\r\n" % (len(body), body)
        got = exchange(server, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, finish=True)
        assert statuses(got) == [413]


def test_rows_and_nesting_are_held_to_their_settings(serve: Serve, content: Unpacked) -> None:
    with serve("--max-rows=3", "--max-nesting=4") as server:
        rows = content.rows
        assert server.score(*rows[:3]).status == 200
        assert server.infer({"inputs": columns(content.signature, rows[:3])}).status == 200
        refused = [
            server.score(*rows[:4]),
            server.infer({"inputs": columns(content.signature, rows[:4])}),
        ]
        assert [reply.status for reply in refused] == [413, 413]
        assert all("4 rows" in reply.error for reply in refused)
        inputs = columns(content.signature, rows[:1])
        deep = {"inputs": inputs, "parameters": {"a": [[[1]]]}}
        assert "deeper than 4" in server.infer(deep).error
        assert server.infer({"inputs": inputs, "parameters": {"a": [1]}}).status == 200


@pytest.mark.parametrize("pieces", [1, 400], ids=["in one piece", "bit by bit"])
def test_headers_are_held_to_max_headers(serve: Serve, pieces: int) -> None:
    with serve("--max-headers=4000") as server:
        assert server.get("/v2", X_Padding="x" * 3500).status == 200
        for line in (b"GET /v2?" + b"x" * 4000 + b" HTTP/1.1\r\n\r\n", _padded(1), _padded(400)):
            step = -(-len(line) // pieces)
            with _connected(server) as connection:
                for start in range(0, len(line), step):
                    connection.sendall(line[start : start + step])
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert answer.status == 431
                assert "4,000 bytes" in json.loads(answer.read())["error"]
        assert metric(server, "sluice_errors_total", kind="too_large") == 3


def _padded(headers: int) -> bytes:
    lines = b"".join(b"X-%d: %b\r\n" % (at, b"x" * (4000 // headers)) for at in range(headers))
    return b"GET /v2 HTTP/1.1\r\n" + lines + b"\r\n"


def test_a_client_that_sends_endless_headers_hears_why(server: Running) -> None:
    """It is not cut off in mid-sentence: what it still sends is read and thrown away."""
    with contextlib.closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as c:
        c.request("GET", "/v2", headers={"X": "x" * MIB})
        assert c.getresponse().status == 431


@pytest.mark.parametrize("element", ["[]", "[1]", "1.5", '"x"', "{}", "null"])
def test_a_body_of_many_small_things_costs_little(server: Running, element: str) -> None:
    """Millions of values where one belongs are counted, not looked at."""
    things = ",".join([element] * (8_000_000 // (len(element) + 1)))
    tensor = '{"name": "weight", "shape": [1, 1], "datatype": "FP64", "data": [%s]}'
    before = metric(server, "process_cpu_seconds_total")
    refused = [
        server.infer(b'{"inputs": [%b]}' % (tensor % things).encode()),
        server.ask("POST", "/score", b'{"records": [%b]}' % things.encode()),
    ]
    assert all(reply.status in (400, 413) for reply in refused)
    assert metric(server, "process_cpu_seconds_total") - before < 2
    assert server.memory < 400 * MIB


# Time


@pytest.mark.parametrize(
    ("sent", "part"),
    [
        (b"GET /v2 HTTP/1.1\r\nX: ", "headers"),
        (POST + b"Content-Length: 1000\r\n\r\n", "body"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", "body"),
    ],
    ids=["headers", "body", "chunks"],
)
def test_who_dribbles_gets_408_in_time(serve: Serve, sent: bytes, part: str) -> None:
    """Each further byte buys no more time."""
    with serve("--header-seconds=1", "--body-seconds=1") as server, _connected(server) as slow:
        began = time.monotonic()
        slow.sendall(sent)
        slow.settimeout(0.1)
        got, drop = b"", b"1\r\nx\r\n" if b"chunked" in sent else b"x"
        while b"\r\n\r\n" not in got:
            assert time.monotonic() - began < 5
            with contextlib.suppress(TimeoutError):
                got += slow.recv(4096)
            slow.sendall(drop)
        assert 0.9 < time.monotonic() - began < 8
        assert statuses(got) == [408]
        assert part.encode() in got
        assert metric(server, "sluice_errors_total", kind="too_slow") == 1
        assert metric(server, "sluice_errors_total") == 1, "counted once"


def test_silence_is_ended_too(serve: Serve) -> None:
    """Of those who never sent anything, who sent half a line end, and who asked once."""
    options = ("--header-seconds=1", "--idle-seconds=1")
    with serve(*options) as server, ExitStack() as opened:
        began = time.monotonic()
        silent = [opened.enter_context(_connected(server, 8)) for _ in range(3)]
        silent[1].sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        silent[2].sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(silent[2].recv(4096)) == [200]
        silent[2].sendall(b"\r\n")
        for connection in silent:
            while connection.recv(4096):
                pass
        assert time.monotonic() - began < 8


def test_a_truncated_body_is_scored_by_nobody(server: Running, content: Unpacked) -> None:
    logged, body = len(server.logged()), _body(content)
    gone = metric(server, "sluice_errors_total", kind="client_gone")
    for end in (len(body) - 1, 1, 0):
        head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
        assert exchange(server, head + body[:end], finish=True) == b""
    with _connected(server) as connection:  # and one that is reset
        connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    deadline = time.monotonic() + 30
    while metric(server, "sluice_errors_total", kind="client_gone") < gone + 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(server.logged()) == logged
    assert metric(server, "sluice_errors_total", kind="client_gone") == gone + 4
    assert "Traceback" not in server.said.read_text()


def test_who_does_not_read_is_let_go(serve: Serve, content: Unpacked) -> None:
    """Its answers fill the wire; after body_seconds without a byte read it is cut off."""
    body = _body(content, 1000)
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with serve("--body-seconds=2") as server, socket.socket() as deaf:
        handles = metric(server, "process_open_fds")
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(2)
        deaf.connect((server.host, server.port))
        # A client that stops to send when the server stops to take it.
        with contextlib.suppress(TimeoutError, OSError):
            for _ in range(400):
                deaf.sendall(request)
        assert server.memory < 400 * MIB
        assert server.score(content.rows[0]).status == 200
        for _ in range(200):
            if metric(server, "process_open_fds") <= handles:
                return
            time.sleep(0.1)
        raise AssertionError("it is still connected")


# Numbers


def test_connections_are_held_to_max_connections(
    serve: Serve, content: Unpacked, size: Callable[[int, int], int]
) -> None:
    most = size(1_000, 4_000)
    options = (f"--max-connections={most}", "--header-seconds=60")
    with serve(*options) as server, ExitStack() as opened:
        before = server.memory
        idle = [opened.enter_context(_connected(server)) for _ in range(most - 1)]
        assert server.score(content.rows[0]).status == 200
        assert server.memory - before < most * 40_000
        idle.append(opened.enter_context(_connected(server)))
        for _ in range(100):  # until the server has seen the last one go, and this one come
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
            raise AssertionError("a closed connection still counts")
        assert server.get("/v2/health/live").status == 200


def test_200_slow_clients_hold_nobody_up(serve: Serve, content: Unpacked) -> None:
    body = _body(content)
    with serve() as server, ExitStack() as opened:
        slow = [opened.enter_context(_connected(server)) for _ in range(200)]
        for at, connection in enumerate(slow):
            head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
            connection.sendall((head + body)[: 20 + at])
        took = []
        for _ in range(50):
            began = time.monotonic()
            assert server.score(content.rows[0]).status == 200
            took.append(time.monotonic() - began)
        assert sorted(took)[25] < 1, took
        for at, connection in enumerate(slow):  # and they are served when they are done
            connection.sendall((head + body)[20 + at :])
        assert {statuses(connection.recv(4096))[0] for connection in slow} == {200}


def test_a_full_queue_says_when_to_come_again(serve: Serve, content: Unpacked) -> None:
    """While a big batch is scored, small ones come in, all at once when it is done."""
    big, small = (
        POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        for body in (_body(content, 9000), _body(content))
    )

    def rush(server: Running, pause: float) -> list[Reply]:
        with ExitStack() as opened:
            front, *others = [opened.enter_context(_connected(server)) for _ in range(9)]
            for connection in others:
                connection.sendall(small[:-1])
            front.sendall(big)
            time.sleep(pause)
            for connection in others:
                connection.sendall(small[-1:])
            return [_read(connection) for connection in (front, *others)]

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
        assert all("2 requests wait already" in reply.error for reply in refused)
        assert metric(server, "sluice_errors_total", kind="queue_full") == len(refused)
        assert metric(server, "sluice_rows_total") == rows == len(server.logged())
        assert server.score(content.rows[0]).status == 200


def _read(connection: socket.socket) -> Reply:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    fields = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, fields, answer.read())


def test_every_limit_has_a_sound_default() -> None:
    defaults = {option.name: option.default for option in fields(ServerSettings)}
    assert defaults["host"] == "127.0.0.1"
    assert 0 < defaults["max_headers"] <= 64 * 1024
    assert MIB <= defaults["max_body"] <= 64 * MIB
    limits = [name for name in defaults if name.startswith("max_") or name.endswith("_seconds")]
    assert len(limits) >= 10
    assert all(defaults[name] > 0 for name in limits)
