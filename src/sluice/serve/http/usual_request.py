"""Reads the usual inference request: one row in JSON, and one tensor for each column.

Most clients send the same text each time, except for the values: the columns in the metadata's
order, and in each the fields in the protocol's order. A regular expression made from the signature
finds the values in a fraction of the time of a JSON parser. The expression matches no other
request; these go to the general code, which reads them or reports what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from sluice.model import Input, Scores, Signature
from sluice.serve.request import Row

# The separators after a comma and after a colon: Python's, and those of other JSON writers.
_SPACES = (b" ", b"")
_NUMBER = rb'([^][{}",\s]+)'  # decoded afterwards, when it must be a number or null
_TEXT = rb'(null|"[^"\\]*")'  # a text with escapes is left to the general code
_encode = msgspec.json.Encoder().encode


class UsualRequest:
    """Reads usual requests for one model."""

    def __init__(self, signature: Signature) -> None:
        self._match = [re.compile(_pattern(signature.inputs, space)).fullmatch for space in _SPACES]
        kinds: list[Any] = [
            float | None if column.type == "number" else str | None for column in signature.inputs
        ]
        values: Any = tuple.__class_getitem__((str | None, *kinds))  # the id comes first
        self._decode = msgspec.json.Decoder(values).decode
        places = list(enumerate((column.type for column in signature.inputs), 1))
        self._numbers = _picker([place for place, kind in places if kind == "number"])
        self._texts = _picker([place for place, kind in places if kind == "category"])
        self._finders = [levels.of for levels in signature.levels.values()]

    def read(self, body: bytes) -> tuple[str | None, Row] | None:
        """The request's id, if it has one, and its row; None if it is not a usual request."""
        found = self._match[0](body) or self._match[1](body)
        if found is None:
            return None
        try:
            values = self._decode(b"[%b]" % b",".join(found.groups(b"null")))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        texts = self._texts(values)
        return values[0], Row(
            self._numbers(values),
            [of(text) for of, text in zip(self._finders, texts, strict=True)],
        )


def _pattern(inputs: Iterable[Input], space: bytes) -> bytes:
    """The pattern of a body; its groups are the id and the values, in the signature's order."""
    colon, comma = b":" + space, b"," + space
    columns = comma.join(
        comma.join(
            [
                rb'\{"name"' + colon + _name(column.name),
                rb'"shape"' + colon + rb"\[1" + comma + rb"1\]",
                rb'"datatype"' + colon + (b'"FP64"' if column.type == "number" else b'"BYTES"'),
                rb'"data"' + colon + rb"\[" + _value(column) + rb"\]\}",
            ]
        )
        for column in inputs
    )
    given = rb'(?:"id"' + colon + rb'("[^"\\]*")' + comma + rb")?"
    return rb"\{" + given + rb'"inputs"' + colon + rb"\[" + columns + rb"\]\}"


def _value(column: Input) -> bytes:
    return _NUMBER if column.type == "number" else _TEXT


def _name(name: str) -> bytes:
    """A name as JSON writes it, with characters beyond ASCII escaped or not."""
    forms = {json.dumps(name, ensure_ascii=escaped).encode() for escaped in (True, False)}
    return b"(?:%b)" % b"|".join(map(re.escape, sorted(forms)))


def _picker(places: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """A function that returns the values at these indices."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


class OneRowResponse:
    """Writes the response to a request for all outputs of one row in JSON."""

    def __init__(self, signature: Signature, name: str, version: str) -> None:
        head = _encode({"model_name": name, "model_version": version})[:-1]
        shape = [1, len(signature.classes)] if signature.task == "multiclass" else [1]
        score = _encode({"name": "score", "datatype": "FP64", "shape": shape})[:-1]
        self._start = head + b',"id":'
        self._score = b',"outputs":[' + score + b',"data":'
        decision = {"name": "decision", "datatype": "BYTES", "shape": [1]}
        self._decisions = [
            b"}," + _encode(decision | {"data": [name]})[:-1] for name in signature.classes
        ]

    def write(self, id: str, scores: Scores) -> bytes:
        """The body of the response. scores: the scores of one row."""
        data = _encode(scores.values.ravel().tolist())
        decision = self._decisions[int(scores.decisions[0])] if self._decisions else b""
        segment = b"" if scores.segments is None else _segment(scores.segments[0])
        return b"".join([self._start, _encode(id), self._score, data, decision, segment, b"}]}"])


def _segment(name: str | None) -> bytes:
    output = {"name": "segment", "datatype": "BYTES", "shape": [1], "data": [name or ""]}
    return b"}," + _encode(output)[:-1]
