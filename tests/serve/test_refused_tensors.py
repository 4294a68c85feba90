"""Bad requests of the Open Inference Protocol: each is refused with a helpful message."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from support.serving.bad_requests import BadRequest, assert_refused, each
from support.serving.payloads import columns, in_binary
from support.serving.server import Reply, RunningServer, UnpackedPackage

BINARY = "Inference-Header-Content-Length"


def _weight_first(content: UnpackedPackage) -> list[dict[str, Any]]:
    """Two rows as tensors: `weight` first, the category last."""
    inputs = columns(content.signature, content.rows[:2])
    return sorted(
        inputs, key=lambda tensor: (tensor["name"] == "colour", tensor["name"] != "weight")
    )


def _tensor(
    title: str, /, kind: str = "bad_input", *words: str, status: int = 400, **changed: Any
) -> BadRequest:
    """Two rows, with the tensor `weight` changed."""

    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        inputs = _weight_first(content)
        inputs[0] |= changed
        return server.infer({"inputs": inputs})

    return BadRequest(title, ask, status, kind, words)


def _inputs(name: str, change: Callable[[list[Any]], Any], kind: str, *words: str) -> BadRequest:
    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        return server.infer(change(_weight_first(content)))

    return BadRequest(name, ask, 400, kind, words)


def _infer(
    name: str, body: bytes, kind: str, *words: str, status: int = 400, **headers: str
) -> BadRequest:
    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        return server.infer(body, **headers)

    return BadRequest(name, ask, status, kind, words)


def _binary(name: str, size: Any, content: bytes, *words: str, **changed: Any) -> BadRequest:
    """Two rows, with the tensor `weight` in binary. size: its binary_data_size."""

    def ask(server: RunningServer, package: UnpackedPackage) -> Reply:
        inputs = _weight_first(package)
        del inputs[0]["data"]
        inputs[0] |= {"parameters": {"binary_data_size": size}, **changed}
        text = json.dumps({"inputs": inputs}).encode()
        return server.infer(text + content, **{BINARY: str(len(text))})

    return BadRequest(name, ask, 400, "bad_input", words)


def _header(name: str, value: str, *words: str) -> BadRequest:
    def ask(server: RunningServer, content: UnpackedPackage) -> Reply:
        body, _ = in_binary(content.signature, content.rows[:1])
        return server.infer(body, **{BINARY: value})

    return BadRequest(name, ask, 400, "bad_request", words or (BINARY,))


_WEIGHT_0, _WEIGHT_1 = ("row 0", "'weight'"), ("row 1", "'weight'")
_DEEP = 100_000
_TWO = struct.pack("<2d", 1, 2)

_TENSORS: list[BadRequest] = [
    _tensor("text in FP64", "bad_input", *_WEIGHT_1, data=[1, "2"]),
    _tensor("text for a number", "bad_input", *_WEIGHT_0, data=["1", "x"], datatype="BYTES"),
    _tensor("a boolean in FP64", "bad_input", *_WEIGHT_1, "True", data=[1, True]),
    _tensor("a number in BOOL", "bad_input", *_WEIGHT_0, datatype="BOOL", data=[1, 0]),
    _tensor("a fraction in INT64", "bad_input", *_WEIGHT_1, datatype="INT64", data=[1, 0.5]),
    _tensor("too large for INT8", "bad_input", *_WEIGHT_1, "128", datatype="INT8", data=[1, 128]),
    _tensor("too small for UINT8", "bad_input", *_WEIGHT_1, "-1", datatype="UINT8", data=[1, -1]),
    _tensor("too large for UINT64", "bad_input", *_WEIGHT_0, datatype="UINT64", data=[2**64, 1]),
    _tensor("too large for a float", "bad_input", *_WEIGHT_1, "finite", data=[1, 10**400]),
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
    _tensor("a shape without dimensions", "bad_request", "no rows", shape=[]),
    _tensor("a shape without rows", "bad_request", "no rows", shape=[0, 1]),
    _tensor("a negative shape", "bad_request", "no rows", shape=[-2, 1]),
    _tensor("a shape of two negative numbers", "bad_request", "no rows", shape=[-2, -1]),
    _tensor("a huge shape", "too_large", status=413, shape=[10**30, 1]),
    _tensor("a huge width", "bad_input", "'weight'", shape=[2, 10**18]),
    _tensor("a shape with more rows than data", "bad_input", shape=[3, 1]),
    _tensor("three dimensions", "bad_input", "'weight'", shape=[2, 1, 1]),
    _tensor("a fraction in a shape", "bad_request", "shape", shape=[2.5, 1]),
    _tensor("text in a shape", "bad_request", "shape", shape=["2", 1]),
    _tensor("a name with another case", "bad_input", "'Weight'", name="Weight"),
    _tensor("a number for a name", "bad_request", "name", name=5),
    _inputs("no tensor", lambda _: {"inputs": []}, "bad_request", "at least one tensor"),
    _inputs("no inputs", lambda _: {"id": "x"}, "bad_request", "inputs"),
    _inputs(
        "the same tensor twice", lambda t: {"inputs": [*t, t[0]]}, "bad_input", "'weight'", "twice"
    ),
    _inputs("a missing tensor", lambda t: {"inputs": t[1:]}, "bad_input", "'weight'", "missing"),
    _inputs(
        "an unknown tensor",
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
        "text for a boolean parameter",
        lambda t: {"inputs": t, "parameters": {"binary_data_output": "no"}},
        "bad_request",
        "binary_data_output",
    ),
    _inputs("a huge id", lambda t: {"inputs": t, "id": "x" * 201}, "bad_request", "id"),
    _infer(
        "a number too large for a float, in a tensor",
        b'{"inputs":[{"name":"weight","shape":[2,1],"datatype":"FP64","data":[1,1e999]}]}',
        "bad_input",
        *_WEIGHT_1,
    ),
    _infer(
        "a number too large for a float, in a matrix",
        b'{"inputs":[{"name":"m","shape":[2,5],"datatype":"FP64","data":[1,2,3,4,5,6,7,1e999]}]}',
        "bad_input",
        "row 1",
        "'waste'",
    ),
    _infer(
        "a key of a tensor twice",
        b'{"inputs":[{"name":"weight","shape":[1,1],"datatype":"FP64","data":[1],"data":[2]}]}',
        "bad_json",
        "the key 'data' occurs twice in one object",
    ),
    _infer(
        "inputs twice",
        b'{"inputs":[],"inputs":[{"name":"weight","shape":[1,1],"datatype":"FP64","data":[1]}]}',
        "bad_json",
        "the key 'inputs' occurs twice",
    ),
    _infer(
        "a parameter twice",
        b'{"inputs":[{"name":"weight","shape":[1,1],"datatype":"FP64","data":[1],'
        b'"parameters":{"a":{"b":1,"b":2}}}]}',
        "bad_json",
        "the key 'b' occurs twice",
    ),
    _infer(
        "a parameter of the request twice",
        b'{"parameters":{"binary_data_output":false,"binary_data_output":true},'
        b'"inputs":[{"name":"weight","shape":[1,1],"datatype":"FP64","data":[1]}]}',
        "bad_json",
        "the key 'binary_data_output' occurs twice",
    ),
    _infer(
        "an unknown key twice",
        b'{"x":1,"x":2,"inputs":[{"name":"weight","shape":[1,1],"datatype":"FP64","data":[1]}]}',
        "bad_json",
        "the key 'x' occurs twice",
    ),
    _infer(
        "deeply nested parameters of a tensor",
        b'{"inputs":[{"name":"weight","shape":[1,1],"datatype":"FP64","data":[1],'
        b'"parameters":{"a":' + b"[" * 900 + b"]" * 900 + b"}}]}",
        "bad_json",
        "nested",
    ),
    _infer(
        "deeply nested data",
        b'{"inputs":[{"name":"weight","shape":[1],"datatype":"FP64","data":' + b"[" * _DEEP,
        "bad_json",
        "nested",
    ),
    _infer(
        "deeply nested parameters",
        b'{"inputs":[],"parameters":{"a":' + b"[" * 30 + b"]" * 30 + b"}}",
        "bad_request",
    ),
]

_BINARY_TENSORS: list[BadRequest] = [
    _binary("fewer bytes than announced", 16, _TWO[:8], "'weight'", "binary_data_size"),
    _binary("a size that does not fit the shape", 8, _TWO[:8], "'weight'", "8 bytes"),
    _binary("a negative size", -16, _TWO, "'weight'"),
    _binary("a huge size", 10**30, _TWO, "'weight'"),
    _binary("a size as text", "16", _TWO, "'weight'"),
    _binary("a boolean as a size", True, _TWO, "'weight'"),
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
    _binary(
        "a string longer than the body", 9, b"\xff\xff\xff\xffabcde", "'weight'", datatype="BYTES"
    ),
    _binary("one string too few", 5, b"\1\0\0\0a", *_WEIGHT_1, datatype="BYTES"),
    _binary("one string too many", 15, b"\1\0\0\0a" * 3, "'weight'", datatype="BYTES"),
    _binary("an incomplete length", 7, b"\1\0\0\0a\1\0", *_WEIGHT_1, datatype="BYTES"),
    _header("a JSON length larger than the body", "999999"),
    _header("a negative JSON length", "-1"),
    _header("a JSON length that is not a number", "all"),
    _header("a JSON length of many digits", "1" * 5000),
    _header("a JSON length of Arabic digits", "\u0663".encode().decode("latin-1")),
]


@each(_TENSORS)
def test_bad_tensors_are_refused(
    server: RunningServer, content: UnpackedPackage, case: BadRequest
) -> None:
    assert_refused(server, content, case)


@each(_BINARY_TENSORS)
def test_bad_binary_tensors_are_refused(
    server: RunningServer, content: UnpackedPackage, case: BadRequest
) -> None:
    assert_refused(server, content, case)
