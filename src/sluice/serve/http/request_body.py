"""Reads a request's body as typed data, and checks the limits that all protocols share."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import numpy as np

from sluice import unique_keys
from sluice.serve.errors import RequestRefusedError

T = TypeVar("T")
_LONGEST_ID = 200
_SHORT = 4_096  # bytes, up to which `bytes.count` is faster than NumPy
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def decode(decoder: msgspec.json.Decoder[T], body: bytes | memoryview) -> T:
    """Decode JSON. The message of RequestRefusedError gives the position of the error."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message = f"the request does not match the API: {error}"
        raise RequestRefusedError(400, "bad_request", message) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(400, "bad_json", f"not valid JSON: {error}") from None
    except RecursionError:
        raise RequestRefusedError(400, "bad_json", "the JSON is nested too deeply") from None


def require_unique_keys(body: bytes | memoryview, keys: int) -> None:
    """Raise RepeatedKeyError if an object in the body names a key twice.

    keys: how many keys the decoded body has. Each key in the text is followed by a colon, so if
    there are no more colons than keys, no key was dropped; most requests need only this count.
    """
    if _colons(body) == keys or _colons(_STRING.sub(b"", body)) == keys:
        return
    try:
        unique_keys.require(bytes(body))
    except RecursionError:
        raise RequestRefusedError(400, "bad_json", "the JSON is nested too deeply") from None


def _colons(text: bytes | memoryview) -> int:
    if len(text) < _SHORT:
        return bytes(text).count(b":")
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(":")))


def count_keys(value: Any) -> int:
    """How many keys the objects within a decoded value have."""
    if isinstance(value, dict):
        return len(value) + sum(map(count_keys, value.values()))
    return sum(map(count_keys, value)) if isinstance(value, list) else 0


def check_nesting(value: Any, deepest: int, level: int) -> None:
    """Raise RequestRefusedError if a value at this level has lists or objects below `deepest`."""
    if not isinstance(value, (dict, list)):
        return
    if level > deepest:
        message = f"the JSON is nested more than {deepest} levels deep"
        raise RequestRefusedError(400, "bad_json", message)
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            check_nesting(inner, deepest, level + 1)


def check_id(id: str) -> str:
    """Return a request's id; raise RequestRefusedError if it is too long."""
    if len(id) > _LONGEST_ID:
        message = f"id: expected at most {_LONGEST_ID} characters, found {len(id):,}"
        raise RequestRefusedError(400, "bad_request", message)
    return id


def check_row_count(rows: int, most: int) -> None:
    """Raise RequestRefusedError unless there are 1 to `most` rows."""
    if rows > most:
        message = f"{rows:,} rows: expected at most {most:,} in one request"
        raise RequestRefusedError(413, "too_large", message)
    if rows < 1:
        raise RequestRefusedError(400, "bad_request", "there are no rows to score")
