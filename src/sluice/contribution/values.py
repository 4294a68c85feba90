"""Compare single values of params.yaml by their type and value, never by how they look."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any


def same(before: Any, after: Any) -> bool:
    """Whether two values are equal: 1 equals 1.0, but neither `true` nor '1'."""
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same, before, after))
    if are_numbers(before, after):
        return bool(before == after) or str(before) == str(after) == "nan"
    return type(before) is type(after) and bool(before == after)


def fewer(some: list[Any], more: list[Any]) -> bool:
    """Whether `some` is a proper subset of `more`; False for lists of anything but scalars."""
    scalars = all(isinstance(one, (str, int, float)) for one in (*some, *more))
    return scalars and set(map(_identity, some)) < set(map(_identity, more))


def are_numbers(*values: Any) -> bool:
    """Whether every value is a number; `true` does not count as one."""
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def as_number(value: Any) -> int | float | None:
    """A finite number as the settings are read: `true` is 1, and '0.5' in quotes is 0.5."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    known = isinstance(value, (int, float)) and -math.inf < value < math.inf
    return value if known else None


def _identity(value: Any) -> object:
    return value if are_numbers(value) else (type(value).__name__, value)
