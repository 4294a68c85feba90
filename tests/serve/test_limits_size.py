"""Limits on the size of requests: what exceeds one is refused, and memory stays bounded."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any

import pytest
import requests

from sluice.serve.settings import ServerSettings
from support.serving.payloads import columns, records_body
from support.serving.raw_http import POST, connected, exchange, statuses
from support.serving.server import RunningServer, UnpackedPackage, metric

Serve = Callable[..., AbstractContextManager[RunningServer]]
MIB = 2**20


def _parts(size: int) -> Iterator[bytes]:
    part = b" " * MIB
    for _ in range(size // MIB):
        yield part


@contextlib.contextmanager
def _flat_memory(server: RunningServer) -> Iterator[None]:
    """Assert that the resident memory, measured during the block, grows by less than 20 MiB."""
    server.ask("POST", "/score", b" " * MIB)
    before, done = server.memory, threading.Event()
    peak = [before]

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], server.memory)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
    assert peak[0] - before < 20 * MIB, f"{(peak[0] - before) / MIB:.0f} MiB more"


@pytest.mark.parametrize("form", ["length", "chunks"])
@pytest.mark.parametrize("client", ["requests", "http.client", "reads first"])
def test_a_body_of_200_mb_gets_413_and_memory_stays_flat(
    server: RunningServer, form: str, client: str
) -> None:
    """A client that sends everything before it reads also gets the message, not a broken pipe."""
    asks = {"requests": _by_requests, "http.client": _by_http_client, "reads first": _reads_first}
    logged = len(server.logged())
    with _flat_memory(server):
        status, error = asks[client](server, 200 * MIB, chunked=form == "chunks")
    assert status == 413
    assert "8,388,608 bytes" in error
    assert len(server.logged()) == logged


def _by_requests(server: RunningServer, size: int, *, chunked: bool) -> tuple[int, str]:
    at = f"http://{server.host}:{server.port}/score"
    data: Any = _parts(size) if chunked else bytes(size)
    reply = requests.post(at, data=data, timeout=60)
    return reply.status_code, str(reply.json()["error"])


def _by_http_client(server: RunningServer, size: int, *, chunked: bool) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    headers = {} if chunked else {"Content-Length": str(size)}
    connection.request("POST", "/score", _parts(size), headers, encode_chunked=chunked)
    with contextlib.closing(connection):
        answer = connection.getresponse()
        return answer.status, str(json.loads(answer.read())["error"])


def _reads_first(server: RunningServer, size: int, *, chunked: bool) -> tuple[int, str]:
    """Read right after the headers, or after 9 MiB in chunks: the refusal comes before the rest."""
    with connected(server) as connection:
        if chunked:
            connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            for part in _parts(9 * MIB):
                connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        else:
            connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % size)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, str(json.loads(answer.read())["error"])


def test_the_connection_can_be_used_after_a_413(
    server: RunningServer, content: UnpackedPackage
) -> None:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    with contextlib.closing(connection):
        for body, status in ((b" " * 9 * MIB, 413), (records_body(content), 200)):
            connection.request("POST", "/score", body)
            answer = connection.getresponse()
            assert answer.status == status
            answer.read()


def test_an_announced_body_is_refused_before_it_is_sent(
    server: RunningServer, content: UnpackedPackage
) -> None:
    """With `Expect: 100-continue`, the refusal comes in the place of status 100."""
    announced = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    assert statuses(exchange(server, announced % (200 * MIB))) == [413]
    unknown = announced.replace(b"/score", b"/nothing")
    assert statuses(exchange(server, unknown % 10)) == [404]


def test_thousands_of_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    times, before = 5_000, server.memory
    received = exchange(
        server, b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n" * times, finish=True
    )
    assert statuses(received) == [200] * times
    assert server.memory - before < 20 * MIB


def test_max_body_limits_the_body(serve: Serve, content: UnpackedPackage) -> None:
    body = records_body(content)
    with serve(f"--max-body={len(body)}") as server:
        assert server.ask("POST", "/score", body).status == 200
        assert server.ask("POST", "/score", body + b" ").status == 413
        chunks = b"%x\r\n%b\r\n2\r\n  \r\n0\r\n\r\n" % (len(body), body)
        received = exchange(
            server, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, finish=True
        )
        assert statuses(received) == [413]


def test_max_rows_and_max_nesting_limit_a_request(serve: Serve, content: UnpackedPackage) -> None:
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
        assert "more than 4 levels" in server.infer(deep).error
        assert server.infer({"inputs": inputs, "parameters": {"a": [1]}}).status == 200


@pytest.mark.parametrize("pieces", [1, 400], ids=["in one piece", "in many pieces"])
def test_max_headers_limits_the_headers(serve: Serve, pieces: int) -> None:
    with serve("--max-headers=4000") as server:
        assert server.get("/v2", X_Padding="x" * 3500).status == 200
        for line in (b"GET /v2?" + b"x" * 4000 + b" HTTP/1.1\r\n\r\n", _padded(1), _padded(400)):
            step = -(-len(line) // pieces)
            with connected(server) as connection:
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


def test_a_client_that_sends_huge_headers_can_read_the_refusal(server: RunningServer) -> None:
    """The client is not disconnected while it sends: the rest of its input is read and
    discarded.
    """
    with contextlib.closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as c:
        c.request("GET", "/v2", headers={"X": "x" * MIB})
        assert c.getresponse().status == 431


@pytest.mark.parametrize("element", ["[]", "[1]", "1.5", '"x"', "{}", "null"])
def test_a_body_of_very_many_values_is_refused_quickly(server: RunningServer, element: str) -> None:
    """If millions of values are sent where one is expected, they are counted but not examined."""
    values = ",".join([element] * (8_000_000 // (len(element) + 1)))
    tensor = '{"name": "weight", "shape": [1, 1], "datatype": "FP64", "data": [%s]}'
    before = metric(server, "process_cpu_seconds_total")
    refused = [
        server.infer(b'{"inputs": [%b]}' % (tensor % values).encode()),
        server.ask("POST", "/score", b'{"records": [%b]}' % values.encode()),
    ]
    assert all(reply.status in (400, 413) for reply in refused)
    assert metric(server, "process_cpu_seconds_total") - before < 2
    assert server.memory < 400 * MIB


def test_every_limit_has_a_sensible_default() -> None:
    defaults = {option.name: option.default for option in fields(ServerSettings)}
    assert defaults["host"] == "127.0.0.1"
    assert 0 < defaults["max_headers"] <= 64 * 1024
    assert MIB <= defaults["max_body"] <= 64 * MIB
    limits = [name for name in defaults if name.startswith("max_") or name.endswith("_seconds")]
    assert len(limits) >= 10
    limits.remove("lame_duck_seconds")  # the option helps only behind a proxy
    assert all(defaults[name] > 0 for name in limits)
