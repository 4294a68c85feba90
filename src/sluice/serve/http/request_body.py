"""Reads a request's body as typed data, and checks the limits that all protocols share."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from sluice.serve.errors import RequestRefusedError

T = TypeVar("T")
_LONGEST_ID = 200


def decode(decoder: msgspec.json.Decoder[T], body: bytes | memoryview) -> T:
    """Decode JSON. The decoder's message in RequestRefusedError names the place of a mistake."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message = f"the request does not match the API: {error}"
        raise RequestRefusedError(400, "bad_request", message) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(400, "bad_json", f"not valid JSON: {error}") from None
    except RecursionError:
        raise RequestRefusedError(400, "bad_json", "the JSON is nested too deeply") from None


def check_nesting(value: Any, deepest: int, level: int) -> None:
    """Raise RequestRefusedError if a value at this level holds lists or objects below `deepest`."""
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
