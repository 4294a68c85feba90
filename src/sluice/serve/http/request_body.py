"""Bodies of requests as typed data, and answers as bytes."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from sluice.serve.errors import RequestRefusedError

T = TypeVar("T")
_LONGEST_ID = 200


def decode(decoder: msgspec.json.Decoder[T], body: bytes | memoryview) -> T:
    """Raises RequestRefusedError in the decoder's words, which name the place in the document."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RequestRefusedError(400, "bad_request", f"not as the API wants it: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(400, "bad_json", f"not JSON: {error}") from None
    except RecursionError:
        raise RequestRefusedError(400, "bad_json", "JSON nested too deeply") from None


def check_nesting(value: Any, deepest: int, level: int) -> None:
    """Raise RequestRefusedError if what was decoded freely holds deeper lists and objects."""
    if not isinstance(value, (dict, list)):
        return
    if level > deepest:
        raise RequestRefusedError(400, "bad_json", f"JSON nested deeper than {deepest}")
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            check_nesting(inner, deepest, level + 1)


def check_id(name: str) -> str:
    if len(name) > _LONGEST_ID:
        raise RequestRefusedError(400, "bad_request", f"id: longer than {_LONGEST_ID} characters")
    return name


def check_row_count(rows: int, most: int) -> None:
    if rows > most:
        raise RequestRefusedError(
            413, "too_large", f"{rows:,} rows, at most {most:,} go in one request"
        )
    if rows < 1:
        raise RequestRefusedError(400, "bad_request", "no rows to score")
