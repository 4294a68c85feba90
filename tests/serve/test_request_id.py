"""The id of an HTTP request: in the response, and in the scoring log beside the body's own id."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from support.serving.payloads import columns, encode
from support.serving.raw_http import exchange
from support.serving.server import RunningServer, UnpackedPackage

Serve = Callable[..., AbstractContextManager[RunningServer]]


def test_the_callers_id_is_answered_and_logged_for_each_attempt(
    serve: Serve, content: UnpackedPackage
) -> None:
    with serve() as server:
        records = {"records": content.rows[:2], "id": "of the body"}
        tensors = {"inputs": columns(content.signature, content.rows[:1])}
        answers = [server.ask("POST", "/score", records, X_Request_ID="call-1") for _ in range(2)]
        answers.append(server.infer(tensors, X_Request_ID="call/2~"))
        logged = [(r["x_request_id"], r["request"], r["row"]) for r in server.logged()]
    assert [a.headers["x-request-id"] for a in answers] == ["call-1", "call-1", "call/2~"]
    assert [a.json["id"] for a in answers] == ["of the body", "of the body", "call/2~"]
    assert logged == [
        ("call-1", "of the body", 0),
        ("call-1", "of the body", 1),
        ("call-1", "of the body", 0),
        ("call-1", "of the body", 1),
        ("call/2~", "call/2~", 0),
    ]


def test_without_an_id_each_request_gets_one_of_its_own(
    serve: Serve, content: UnpackedPackage
) -> None:
    with serve("--workers=2") as server:
        ids = [server.score(content.rows[0]).headers["x-request-id"] for _ in range(20)]
        named = server.score(content.rows[0], id="mine")
        logged = server.logged()
    assert len(set(ids)) == 20
    assert sorted(r["x_request_id"] for r in logged if r["request"] != "mine") == sorted(ids)
    (mine,) = [r for r in logged if r["request"] == "mine"]
    assert mine["x_request_id"] == named.headers["x-request-id"] != "mine"


def test_refusals_carry_the_id_too(server: RunningServer) -> None:
    for path, status in {"/score": 400, "/nothing": 404}.items():
        reply = server.ask("POST", path, b"{", X_Request_ID="abc")
        assert (reply.status, reply.headers["x-request-id"]) == (status, "abc")


@pytest.mark.parametrize(
    "given", [b"", b"two words", b"x" * 129, "ü".encode(), b"\xff\xfe", b"tab\there"]
)
def test_an_id_that_is_not_valid_is_replaced(
    server: RunningServer, content: UnpackedPackage, given: bytes
) -> None:
    body = encode({"records": content.rows[:1]})
    head = b"POST /score HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n"
    answer = exchange(server, head % len(body) + b"x-request-id: " + given + b"\r\n\r\n" + body)
    headers, _, _ = answer.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 200 ")
    (line,) = [line for line in headers.split(b"\r\n") if line.startswith(b"x-request-id:")]
    made = line.partition(b": ")[2]
    assert made != given
    assert made in {r["x_request_id"].encode() for r in server.logged()}


def test_the_longest_id_is_taken(server: RunningServer) -> None:
    longest = "x" * 128
    reply = server.ask("GET", "/v2", X_Request_ID=longest)
    assert reply.headers["x-request-id"] == longest
