"""Refuse JSON objects that name a key twice, because readers would silently drop one value."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class RepeatedKeyError(msgspec.DecodeError):
    """A key occurs twice in one object. objects: how many objects ended before this one."""

    def __init__(self, key: str, objects: int) -> None:
        super().__init__(f"the key {key!r} occurs twice in one object")
        self.key, self.objects = key, objects


class _Reader:
    """Receives each object of a JSON text when it ends."""

    def __init__(self) -> None:
        self._objects = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> None:
        known = set()
        for key, _ in pairs:
            if key in known:
                raise RepeatedKeyError(key, self._objects)
            known.add(key)
        self._objects += 1


def require(content: bytes | str) -> None:
    """Raise RepeatedKeyError if an object of valid JSON names a key twice."""
    # The values do not matter, and a number with too many digits would be an error.
    json.loads(content, object_pairs_hook=_Reader(), parse_int=_nothing, parse_float=_nothing)


def _nothing(text: str) -> None:
    return None
