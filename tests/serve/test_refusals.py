"""Bad requests: each is refused in words that help, and leaves no trace in the log."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from support.serving.running import (
    Reply,
    Running,
    Unpacked,
    columns,
    exchange,
    in_binary,
    metric,
    statuses,
)

BINARY = "Inference-Header-Content-Length"
Ask = Callable[[Running, Unpacked], Reply]
Case = tuple[str, Ask, int, str, tuple[str, ...]]


def _record(title: str, /, **changed: Any) -> Case:
    """A second record that is changed; `said` are words that the answer must hold."""
    said = changed.pop("said", ())
    status = changed.pop("status", 400)
    lost = changed.pop("lost", ())

    def ask(server: Running, content: Unpacked) -> Reply:
        row = {k: v for k, v in (content.rows[1] | changed).items() if k not in lost}
        return server.score(content.rows[0], row)

    return title, ask, status, "bad_input", said


def _written(name: str, literal: bytes, *said: str, kind: str = "bad_json") -> Case:
    """A literal that stands where the second record's weight should."""

    def ask(server: Running, content: Unpacked) -> Reply:
        body = json.dumps({"records": [content.rows[0], content.rows[1] | {"weight": "HERE"}]})
        return server.ask("POST", "/score", body.encode().replace(b'"HERE"', literal))

    return name, ask, 400, kind, said


def _score(
    name: str, body: bytes, kind: str, *said: str, status: int = 400, **headers: str
) -> Case:
    def ask(server: Running, content: Unpacked) -> Reply:
        return server.ask("POST", "/score", body, **headers)

    return name, ask, status, kind, said


def _weight_first(content: Unpacked) -> list[dict[str, Any]]:
    """Two rows as tensors, the text at the end."""
    inputs = columns(content.signature, content.rows[:2])
    return sorted(
        inputs, key=lambda tensor: (tensor["name"] == "colour", tensor["name"] != "weight")
    )


def _tensor(
    title: str, /, kind: str = "bad_input", *said: str, status: int = 400, **changed: Any
) -> Case:
    """The tensor `weight` of two rows, changed."""

    def ask(server: Running, content: Unpacked) -> Reply:
        inputs = _weight_first(content)
        inputs[0] |= changed
        return server.infer({"inputs": inputs})

    return title, ask, status, kind, said


def _inputs(name: str, change: Callable[[list[Any]], Any], kind: str, *said: str) -> Case:
    def ask(server: Running, content: Unpacked) -> Reply:
        return server.infer(change(_weight_first(content)))

    return name, ask, 400, kind, said


def _infer(
    name: str, body: bytes, kind: str, *said: str, status: int = 400, **headers: str
) -> Case:
    def ask(server: Running, content: Unpacked) -> Reply:
        return server.infer(body, **headers)

    return name, ask, status, kind, said


def _binary(name: str, size: Any, content: bytes, *said: str, **changed: Any) -> Case:
    """The tensor `weight` in binary, two rows, with a size and bytes of the test's own."""

    def ask(server: Running, package: Unpacked) -> Reply:
        inputs = _weight_first(package)
        del inputs[0]["data"]
        inputs[0] |= {"parameters": {"binary_data_size": size}, **changed}
        text = json.dumps({"inputs": inputs}).encode()
        return server.infer(text + content, **{BINARY: str(len(text))})

    return name, ask, 400, "bad_input", said


def _header(name: str, value: str, *said: str) -> Case:
    def ask(server: Running, content: Unpacked) -> Reply:
        body, _ = in_binary(content.signature, content.rows[:1])
        return server.infer(body, **{BINARY: value})

    return name, ask, 400, "bad_request", said or (BINARY,)


def _path(name: str, method: str, path: str, status: int, kind: str, **headers: str) -> Case:
    def ask(server: Running, content: Unpacked) -> Reply:
        body = {"records": content.rows[:1]} if method == "POST" else None
        return server.ask(method, path, body, **headers)

    return name, ask, status, kind, ()


_WEIGHT_0, _WEIGHT_1 = ("row 0", "'weight'"), ("row 1", "'weight'")
_DEEP = 100_000
_TWO = struct.pack("<2d", 1, 2)

_CASES: list[Case] = [
    # Records
    _record("text for a number", weight="70", said=(*_WEIGHT_1, "'70'")),
    _record("no column", lost=("weight",), said=(*_WEIGHT_1, "missing")),
    _record("no category", lost=("colour",), said=("row 1", "'colour'", "missing")),
    _record("a surplus column", price=1, said=("row 1", "'price'", "not an input")),
    _record("a column of no name", **{"": 1}, said=("row 1", "''")),
    _record("a list for a number", weight=[1], said=(*_WEIGHT_1, "a list")),
    _record("an object for a category", colour={"a": 1}, said=("row 1", "'colour'", "an object")),
    _record("too large for a float", weight=10**400, said=(*_WEIGHT_1, "finite")),
    _record("too small for a float", weight=-(10**400), said=(*_WEIGHT_1, "finite")),
    _record("a column that looks alike", lost=("weight",), Weight=1, said=("row 1", "'Weight'")),
    _written("a number beyond all", b"1e999", *_WEIGHT_1, "finite", kind="bad_input"),
    _written("five thousand digits", b"9" * 5000, *_WEIGHT_1, "finite", kind="bad_input"),
    _written("NaN", b"NaN", "not JSON"),
    _written("Infinity", b"-Infinity", "not JSON"),
    _written("a hexadecimal", b"0x10", "not JSON"),
    _written("a plus sign", b"+1", "not JSON"),
    _written("a leading zero", b"007", "not JSON"),
    _written("Python's None", b"None", "not JSON"),
    _written("a lone surrogate", b'"\\ud800"', "not JSON"),
    _written("surrogates the wrong way round", b'"\\udc00\\ud800"', "not JSON"),
    _written("bytes that are not UTF-8", b'"\xff"', "not JSON"),
    _written("a surrogate in UTF-8", b'"\xed\xa0\x80"', "not JSON"),
    _written("a null byte as it is", b'"\x00"', "not JSON"),
    _score("nothing", b"", "bad_json", "not JSON"),
    _score("half of it", b'{"records": [{"weight": 1', "bad_json", "not JSON"),
    _score("more after it", b'{"records": []} x', "bad_json", "not JSON"),
    _score("a comment", b'{"records": [] /* none */}', "bad_json", "not JSON"),
    _score("a byte-order mark", b'\xef\xbb\xbf{"records": [{}]}', "bad_json", "not JSON"),
    _score("UTF-16", '{"records": [{}]}'.encode("utf-16"), "bad_json", "not JSON"),
    _score("a list", b"[1]", "bad_request", "object"),
    _score("null", b"null", "bad_request", "object"),
    _score("no records", b"{}", "bad_request", "records"),
    _score("an empty list", b'{"records": []}', "bad_request", "no rows"),
    _score("records that are none", b'{"records": [1]}', "bad_request", "$.records[0]"),
    _score("records as an object", b'{"records": {"weight": 1}}', "bad_request", "$.records"),
    _score("a misspelled field", b'{"records": [{}], "recrods": 1}', "bad_request", "recrods"),
    _score("a number for an id", b'{"records": [{}], "id": 5}', "bad_request", "$.id"),
    _score("an empty record", b'{"records": [{}]}', "bad_input", "row 0"),
    _score("a deep list", b"[" * _DEEP, "bad_request"),
    _score("deep records", b'{"records":' + b"[" * _DEEP, "bad_request"),
    _score("a deep value", b'{"records":[{"weight":' + b"[" * _DEEP, "bad_request"),
    _score("deep objects", b'{"records":[{"weight":' + b'{"a":' * _DEEP, "bad_request"),
    _score("a field that is not known, deep", b'{"a":' + b"[" * _DEEP, "bad_request"),
    _score(
        "a huge id",
        json.dumps({"records": [{}], "id": "x" * 100_000}).encode(),
        "bad_request",
        "id",
    ),
    _score(
        "gzip", b"\x1f\x8b\x08", "bad_request", "compressed", status=415, Content_Encoding="gzip"
    ),
    _score("brotli", b"\x0b\x00", "bad_request", status=415, Content_Encoding="identity, br"),
    _score(
        "more rows than allowed",
        b'{"records": [' + b"{}," * 10_000 + b"{}]}",
        "too_large",
        "10,001 rows",
        status=413,
    ),
    # Tensors
    _tensor("text in FP64", "bad_input", *_WEIGHT_1, data=[1, "2"]),
    _tensor("text for a number", "bad_input", *_WEIGHT_0, data=["1", "x"], datatype="BYTES"),
    _tensor("a boolean in FP64", "bad_input", *_WEIGHT_1, "True", data=[1, True]),
    _tensor("a number in BOOL", "bad_input", *_WEIGHT_0, datatype="BOOL", data=[1, 0]),
    _tensor("a fraction in INT64", "bad_input", *_WEIGHT_1, datatype="INT64", data=[1, 0.5]),
    _tensor("beyond INT8", "bad_input", *_WEIGHT_1, "128", datatype="INT8", data=[1, 128]),
    _tensor("below UINT8", "bad_input", *_WEIGHT_1, "-1", datatype="UINT8", data=[1, -1]),
    _tensor("beyond UINT64", "bad_input", *_WEIGHT_0, datatype="UINT64", data=[2**64, 1]),
    _tensor("beyond a float", "bad_input", *_WEIGHT_1, "finite", data=[1, 10**400]),
    _tensor("an object", "bad_input", *_WEIGHT_1, data=[1, {"a": 1}]),
    _tensor("an unknown datatype", "bad_input", "'weight'", "FP17", datatype="FP17"),
    _tensor("no datatype", "bad_input", "'weight'", "datatype", datatype=None),
    _tensor("ragged", "bad_input", *_WEIGHT_1, "ragged", data=[[1], [2, 3]]),
    _tensor("half nested", "bad_input", *_WEIGHT_1, data=[[1], 2]),
    _tensor("nested too deeply", "bad_input", *_WEIGHT_0, data=[[[1]], [[2]]]),
    _tensor("one value too few", "bad_input", "'weight'", "1 values", data=[1]),
    _tensor("one value too many", "bad_input", "'weight'", data=[1, 2, 3]),
    _tensor("no values", "bad_input", "'weight'", data=[]),
    _tensor("null for all values", "bad_input", "'weight'", data=None),
    _tensor("an object for all values", "bad_input", "'weight'", data={"a": 1}),
    _tensor("a shape of no dimension", "bad_request", "no rows", shape=[]),
    _tensor("a shape of no rows", "bad_request", "no rows", shape=[0, 1]),
    _tensor("a negative shape", "bad_request", "no rows", shape=[-2, 1]),
    _tensor("two negatives", "bad_request", "no rows", shape=[-2, -1]),
    _tensor("a huge shape", "too_large", status=413, shape=[10**30, 1]),
    _tensor("a huge width", "bad_input", "'weight'", shape=[2, 10**18]),
    _tensor("a shape that lies", "bad_input", shape=[3, 1]),
    _tensor("three dimensions", "bad_input", "'weight'", shape=[2, 1, 1]),
    _tensor("a fraction in a shape", "bad_request", "shape", shape=[2.5, 1]),
    _tensor("text in a shape", "bad_request", "shape", shape=["2", 1]),
    _tensor("another name", "bad_input", "'Weight'", name="Weight"),
    _tensor("a number for a name", "bad_request", "name", name=5),
    _inputs("no tensor", lambda _: {"inputs": []}, "bad_request", "no tensor"),
    _inputs("no inputs", lambda _: {"id": "x"}, "bad_request", "inputs"),
    _inputs("a tensor twice", lambda t: {"inputs": [*t, t[0]]}, "bad_input", "'weight'", "twice"),
    _inputs("a column less", lambda t: {"inputs": t[1:]}, "bad_input", "'weight'", "missing"),
    _inputs(
        "a surplus tensor",
        lambda t: {"inputs": [*t, t[0] | {"name": "price"}]},
        "bad_input",
        "'price'",
    ),
    _inputs(
        "fewer rows in one tensor",
        lambda t: {"inputs": [*t[:-1], t[-1] | {"shape": [1, 1], "data": ["red"]}]},
        "bad_input",
        "'colour'",
    ),
    _inputs(
        "a matrix of another width",
        lambda _: {
            "inputs": [{"name": "all", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]
        },
        "bad_input",
        "'all'",
    ),
    _inputs(
        "a matrix with text for a number",
        lambda _: {
            "inputs": [{"name": "all", "shape": [1, 5], "datatype": "BYTES", "data": ["x"] * 5}]
        },
        "bad_input",
        "row 0",
        "'slope'",
    ),
    _inputs(
        "an unknown output",
        lambda t: {"inputs": t, "outputs": [{"name": "price"}]},
        "bad_request",
        "'price'",
    ),
    _inputs(
        "a truth that is none",
        lambda t: {"inputs": t, "parameters": {"binary_data_output": "no"}},
        "bad_request",
        "binary_data_output",
    ),
    _inputs("a huge id", lambda t: {"inputs": t, "id": "x" * 201}, "bad_request", "id"),
    _infer(
        "a number beyond all in a tensor",
        b'{"inputs":[{"name":"weight","shape":[2,1],"datatype":"FP64","data":[1,1e999]}]}',
        "bad_input",
        *_WEIGHT_1,
    ),
    _infer(
        "a number beyond all in a matrix",
        b'{"inputs":[{"name":"m","shape":[2,5],"datatype":"FP64","data":[1,2,3,4,5,6,7,1e999]}]}',
        "bad_input",
        "row 1",
        "'waste'",
    ),
    _infer(
        "deep data",
        b'{"inputs":[{"name":"weight","shape":[1],"datatype":"FP64","data":' + b"[" * _DEEP,
        "bad_json",
        "nested",
    ),
    _infer(
        "deep parameters",
        b'{"inputs":[],"parameters":{"a":' + b"[" * 30 + b"]" * 30 + b"}}",
        "bad_request",
    ),
    # Binary tensors
    _binary("fewer bytes than said", 16, _TWO[:8], "'weight'", "binary_data_size"),
    _binary("a size of other values", 8, _TWO[:8], "'weight'", "8 bytes"),
    _binary("a negative size", -16, _TWO, "'weight'"),
    _binary("a huge size", 10**30, _TWO, "'weight'"),
    _binary("a size in words", "16", _TWO, "'weight'"),
    _binary("a size of true", True, _TWO, "'weight'"),
    _binary("data as well", 16, _TWO, "'weight'", "both", data=[1, 2]),
    _binary("infinity", 16, struct.pack("<2d", 1, float("inf")), *_WEIGHT_1, "finite"),
    _binary(
        "text that is not UTF-8",
        10,
        b"\1\0\0\0a\1\0\0\0\xff",
        *_WEIGHT_1,
        "UTF-8",
        datatype="BYTES",
    ),
    _binary("a text longer than all", 9, b"\xff\xff\xff\xffabcde", "'weight'", datatype="BYTES"),
    _binary("a text too few", 5, b"\1\0\0\0a", *_WEIGHT_1, datatype="BYTES"),
    _binary("a text too many", 15, b"\1\0\0\0a" * 3, "'weight'", datatype="BYTES"),
    _binary("half a length", 7, b"\1\0\0\0a\1\0", *_WEIGHT_1, datatype="BYTES"),
    _header("a JSON length beyond the body", "999999"),
    _header("a negative JSON length", "-1"),
    _header("a JSON length in words", "all"),
    _header("a JSON length of many digits", "1" * 5000),
    _header("a JSON length of Arabic digits", "\u0663".encode().decode("latin-1")),
    # Paths and origins
    _path("no such path", "GET", "/nothing", 404, "not_found"),
    _path("a path upwards", "GET", "/v2/../../etc/passwd", 404, "not_found"),
    _path("an escaped path upwards", "GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
    _path("a null byte in the path", "GET", "/v2%00", 404, "not_found"),
    _path("a path that is not UTF-8", "GET", "/v2/models/%ff%fe", 404, "not_found"),
    _path("a slash too many", "POST", "//score", 404, "not_found"),
    _path("a slash at the end", "POST", "/score/", 404, "not_found"),
    _path("another case", "POST", "/SCORE", 404, "not_found"),
    _path("a method of one's own", "BREW", "/score", 400, "bad_http"),
    _path("TRACE", "TRACE", "/score", 405, "bad_method"),
    _path("OPTIONS", "OPTIONS", "/score", 405, "bad_method"),
    _path(
        "another site's page", "POST", "/score", 403, "cross_origin", Origin="http://evil.example"
    ),
    _path("a page of no site", "POST", "/score", 403, "cross_origin", Origin="null"),
    _path("a look-alike port", "POST", "/score", 403, "cross_origin", Origin="http://127.0.0.1:1"),
]


@pytest.mark.parametrize(
    "case",
    _CASES,
    ids=[f"{number}: {case[0]}" for number, case in enumerate(_CASES)],
)
def test_a_bad_request_is_refused_in_words_and_not_logged(
    server: Running, content: Unpacked, case: Case
) -> None:
    _, ask, status, kind, said = case
    logged, counted = len(server.logged()), metric(server, "sluice_errors_total", kind=kind)
    rows = metric(server, "sluice_rows_total")
    reply = ask(server, content)
    assert reply.status == status, reply.body
    assert all(word in reply.error for word in said), reply.error
    assert "Traceback" not in reply.error
    assert 0 < len(reply.error) < 400, "an error is a sentence"
    assert len(server.logged()) == logged
    assert metric(server, "sluice_errors_total", kind=kind) == counted + 1
    assert metric(server, "sluice_rows_total") == rows
    assert "Traceback" not in server.said.read_text()


_HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\n"
_WIRE = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a length in words": _HEAD + b"Content-Length: two\r\n\r\n{}",
    "a negative length": _HEAD + b"Content-Length: -1\r\n\r\n{}",
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length beyond all": _HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    "a length and chunks": _HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that lie": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a header without a colon": b"GET /v2 HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET /v2 HTTP/1.1\r\nHost : x\r\n\r\n",
    "a null byte in a header": b"GET /v2 HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "bytes in the path": b"GET /v2/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", _WIRE.values(), ids=_WIRE)
def test_what_is_not_http_is_refused_in_the_same_form(server: Running, sent: bytes) -> None:
    logged = len(server.logged())
    got = exchange(server, sent, finish=True)
    assert all(400 <= status < 500 for status in statuses(got)), got
    assert statuses(got), "no answer"
    assert set(json.loads(got.partition(b"\r\n\r\n")[2])) == {"error"}
    assert len(server.logged()) == logged
    assert server.get("/v2/health/ready").status == 200
    assert "Traceback" not in server.said.read_text()


def test_the_servers_own_page_may_score(server: Running, content: Unpacked) -> None:
    at = f"http://{server.host}:{server.port}"
    reply = server.ask("POST", "/score", {"records": content.rows[:1]}, Origin=at)
    assert reply.status == 200


def test_one_bad_row_spoils_the_request_and_no_other(server: Running, content: Unpacked) -> None:
    assert server.score(content.rows[0], {**content.rows[1], "weight": "x"}).status == 400
    assert server.score(content.rows[0]).status == 200
