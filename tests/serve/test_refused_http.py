"""Wrong paths, methods and origins, and bytes that are not HTTP: all are refused in one form."""

from __future__ import annotations

import json

import pytest

from support.serving.bad_requests import BadRequest, assert_refused, each
from support.serving.raw_http import exchange, statuses
from support.serving.server import Reply, RunningServer, UnpackedPackage


def _path(name: str, method: str, path: str, status: int, kind: str, **headers: str) -> BadRequest:
    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        body = {"records": content.rows[:1]} if method == "POST" else None
        return server.ask(method, path, body, **headers)

    return BadRequest(name, ask, status, kind, ())


_CASES: list[BadRequest] = [
    _path("no such path", "GET", "/nothing", 404, "not_found"),
    _path("a path that leads upwards", "GET", "/v2/../../etc/passwd", 404, "not_found"),
    _path(
        "an escaped path that leads upwards", "GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"
    ),
    _path("a null byte in the path", "GET", "/v2%00", 404, "not_found"),
    _path("a path that is not UTF-8", "GET", "/v2/models/%ff%fe", 404, "not_found"),
    _path("a doubled slash", "POST", "//score", 404, "not_found"),
    _path("a slash at the end", "POST", "/score/", 404, "not_found"),
    _path("a path in capitals", "POST", "/SCORE", 404, "not_found"),
    _path("an unknown method", "BREW", "/score", 400, "bad_http"),
    _path("TRACE", "TRACE", "/score", 405, "bad_method"),
    _path("OPTIONS", "OPTIONS", "/score", 405, "bad_method"),
    _path(
        "a page of another site",
        "POST",
        "/score",
        403,
        "cross_origin",
        Origin="http://evil.example",
    ),
    _path("a page without an origin", "POST", "/score", 403, "cross_origin", Origin="null"),
    _path(
        "a page of another port", "POST", "/score", 403, "cross_origin", Origin="http://127.0.0.1:1"
    ),
]


@each(_CASES)
def test_wrong_paths_methods_and_origins_are_refused(
    server: RunningServer, content: UnpackedPackage, case: BadRequest
) -> None:
    assert_refused(server, content, case)


_HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\n"
_NOT_HTTP = {
    "plain text": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a length that is not a number": _HEAD + b"Content-Length: two\r\n\r\n{}",
    "a negative length": _HEAD + b"Content-Length: -1\r\n\r\n{}",
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length of forty digits": _HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    "a length and chunks at once": _HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk without a size": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a header without a colon": b"GET /v2 HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET /v2 HTTP/1.1\r\nHost : x\r\n\r\n",
    "a null byte in a header": b"GET /v2 HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "bytes that are not ASCII in the path": b"GET /v2/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a request for a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a star as the path": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", _NOT_HTTP.values(), ids=_NOT_HTTP)
def test_what_is_not_http_gets_an_error_of_the_same_form(
    server: RunningServer, sent: bytes
) -> None:
    logged = len(server.logged())
    received = exchange(server, sent, finish=True)
    assert all(400 <= status < 500 for status in statuses(received)), received
    assert statuses(received), "no response"
    assert set(json.loads(received.partition(b"\r\n\r\n")[2])) == {"error"}
    assert len(server.logged()) == logged
    assert server.get("/v2/health/ready").status == 200
    assert "Traceback" not in server.stderr.read_text()


def test_a_page_of_the_server_itself_may_send_requests(
    server: RunningServer, content: UnpackedPackage
) -> None:
    at = f"http://{server.host}:{server.port}"
    reply = server.ask("POST", "/score", {"records": content.rows[:1]}, Origin=at)
    assert reply.status == 200
