"""Bad requests to `/score`: each is refused with a helpful message, and is not logged."""

from __future__ import annotations

import json
from typing import Any

from support.serving.bad_requests import BadRequest, assert_refused, each
from support.serving.server import Reply, RunningServer, UnpackedPackage


def _record(title: str, /, **changed: Any) -> BadRequest:
    """Two records, of which the second is changed. lost: columns that the second record leaves
    out.
    """
    words = changed.pop("words", ())
    status = changed.pop("status", 400)
    lost = changed.pop("lost", ())

    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        row = {k: v for k, v in (content.rows[1] | changed).items() if k not in lost}
        return server.score(content.rows[0], row)

    return BadRequest(title, ask, status, "bad_input", words)


def _literal(name: str, literal: bytes, *words: str, kind: str = "bad_json") -> BadRequest:
    """Two records, with a literal in the place of the second one's weight."""

    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        body = json.dumps({"records": [content.rows[0], content.rows[1] | {"weight": "HERE"}]})
        return server.ask("POST", "/score", body.encode().replace(b'"HERE"', literal))

    return BadRequest(name, ask, 400, kind, words)


def _score(
    name: str, body: bytes, kind: str, *words: str, status: int = 400, **headers: str
) -> BadRequest:
    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        return server.ask("POST", "/score", body, **headers)

    return BadRequest(name, ask, status, kind, words)


_WEIGHT_1 = ("row 1", "'weight'")
_DEEP = 100_000

_CASES: list[BadRequest] = [
    _record("text for a number", weight="70", words=(*_WEIGHT_1, "'70'")),
    _record("a missing number", lost=("weight",), words=(*_WEIGHT_1, "missing")),
    _record("a missing category", lost=("colour",), words=("row 1", "'colour'", "missing")),
    _record("an unknown column", price=1, words=("row 1", "'price'", "not an input")),
    _record("a column without a name", **{"": 1}, words=("row 1", "''")),
    _record("a list for a number", weight=[1], words=(*_WEIGHT_1, "a list")),
    _record("an object for a category", colour={"a": 1}, words=("row 1", "'colour'", "an object")),
    _record("too large for a float", weight=10**400, words=(*_WEIGHT_1, "finite")),
    _record("too small for a float", weight=-(10**400), words=(*_WEIGHT_1, "finite")),
    _record(
        "a column with another case",
        lost=("weight",),
        Weight=1,
        words=(
            "row 1",
            "'Weight'",
            "did you mean 'weight'? It differs only in upper and lower case",
        ),
    ),
    _literal("a number too large for a float", b"1e999", *_WEIGHT_1, "finite", kind="bad_input"),
    _literal("five thousand digits", b"9" * 5000, *_WEIGHT_1, "finite", kind="bad_input"),
    _literal("NaN", b"NaN", "not valid JSON"),
    _literal("Infinity", b"-Infinity", "not valid JSON"),
    _literal("a hexadecimal", b"0x10", "not valid JSON"),
    _literal("a plus sign", b"+1", "not valid JSON"),
    _literal("a leading zero", b"007", "not valid JSON"),
    _literal("Python's None", b"None", "not valid JSON"),
    _literal("a lone surrogate", b'"\\ud800"', "not valid JSON"),
    _literal("surrogates in the wrong order", b'"\\udc00\\ud800"', "not valid JSON"),
    _literal("bytes that are not UTF-8", b'"\xff"', "not valid JSON"),
    _literal("a surrogate in UTF-8", b'"\xed\xa0\x80"', "not valid JSON"),
    _literal("an unescaped null byte", b'"\x00"', "not valid JSON"),
    _score("an empty body", b"", "bad_json", "not valid JSON"),
    _score("a truncated body", b'{"records": [{"weight": 1', "bad_json", "not valid JSON"),
    _score("text after the JSON", b'{"records": []} x', "bad_json", "not valid JSON"),
    _score("a comment", b'{"records": [] /* none */}', "bad_json", "not valid JSON"),
    _score("a byte-order mark", b'\xef\xbb\xbf{"records": [{}]}', "bad_json", "not valid JSON"),
    _score("UTF-16", '{"records": [{}]}'.encode("utf-16"), "bad_json", "not valid JSON"),
    _score("a list", b"[1]", "bad_request", "object"),
    _score("null", b"null", "bad_request", "object"),
    _score("no records", b"{}", "bad_request", "records"),
    _score("an empty list", b'{"records": []}', "bad_request", "no rows"),
    _score("a number as a record", b'{"records": [1]}', "bad_request", "$.records[0]"),
    _score("records as an object", b'{"records": {"weight": 1}}', "bad_request", "$.records"),
    _score(
        "a column twice",
        b'{"records": [{"weight": 1}, {"weight": 1, "weight": -3}]}',
        "bad_input",
        "row 1, column 'weight': occurs twice",
    ),
    _score(
        "a column twice, spelled in two ways",
        b'{"records": [{"weight": 1, "w\\u0065ight" : "a:b"}]}',
        "bad_input",
        "row 0, column 'weight': occurs twice",
    ),
    _score(
        "two lists of records",
        b'{"records": [{"weight": 1}], "records": [{"weight": 1}]}',
        "bad_json",
        "the key 'records' occurs twice",
    ),
    _score("a misspelled field", b'{"records": [{}], "recrods": 1}', "bad_request", "recrods"),
    _score("a number for an id", b'{"records": [{}], "id": 5}', "bad_request", "$.id"),
    _score("an empty record", b'{"records": [{}]}', "bad_input", "row 0"),
    _score("a deeply nested list", b"[" * _DEEP, "bad_request"),
    _score("deeply nested records", b'{"records":' + b"[" * _DEEP, "bad_request"),
    _score("a deeply nested value", b'{"records":[{"weight":' + b"[" * _DEEP, "bad_request"),
    _score("deeply nested objects", b'{"records":[{"weight":' + b'{"a":' * _DEEP, "bad_request"),
    _score("an unknown field, deeply nested", b'{"a":' + b"[" * _DEEP, "bad_request"),
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
]


@each(_CASES)
def test_bad_records_are_refused(
    server: RunningServer, content: UnpackedPackage, case: BadRequest
) -> None:
    assert_refused(server, content, case)


def test_a_bad_row_refuses_its_request_and_no_other(
    server: RunningServer, content: UnpackedPackage
) -> None:
    assert server.score(content.rows[0], {**content.rows[1], "weight": "x"}).status == 400
    assert server.score(content.rows[0]).status == 200
