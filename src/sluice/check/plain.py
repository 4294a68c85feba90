"""Refuse declared expectations with arguments that great-expectations would run or fetch.

Such expectations come from the code of the use case, which is confined; the process that judges is
not confined. A filter of rows as text is an expression of pandas, which can call any method of a
column, such as `to_csv`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sluice.errors import SluiceError

_COMBINED, _SIMPLE = ("and", "or"), ("comparison", "nullity")


def require(declared: Mapping[str, Any], columns: Collection[str]) -> None:
    """Raise SluiceError unless an expectation is pure data and can fail.

    declared: as great-expectations writes it. columns: the names that a filter may use.
    """
    arguments = declared.get("kwargs")
    if not isinstance(arguments, Mapping):
        raise _refused(declared, "it has no arguments")
    condition = arguments.get("row_condition")
    if condition is not None and not _is_plain(condition, columns):
        raise _refused(
            declared,
            "write its row_condition with Column of great_expectations.expectations.row_conditions "
            "and the names of columns in params.yaml, not as text",
        )
    if found := _reference(arguments):
        raise _refused(declared, f"{found!r} refers to something else: write the value itself")
    mostly = arguments.get("mostly")
    if isinstance(mostly, int | float) and mostly <= 0:
        raise _refused(declared, "with mostly=0 it cannot fail")


def _is_plain(condition: Any, columns: Collection[str]) -> bool:
    if not isinstance(condition, Mapping):
        return False
    if condition.get("type") in _COMBINED:
        parts = condition.get("conditions")
        return isinstance(parts, list) and all(_is_plain(part, columns) for part in parts)
    column = condition.get("column")
    name = column.get("name") if isinstance(column, Mapping) else None
    known = isinstance(name, str) and name in columns and "`" not in name
    return known and condition.get("type") in _SIMPLE


def _reference(value: Any) -> str | None:
    """The first key that refers to a value elsewhere: a parameter, or a schema at an address."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            local = key == "$ref" and str(inner).startswith("#")
            if str(key) in ("$PARAMETER", "$ref") and not local:
                return str(key)
            if found := _reference(inner):
                return found
    if isinstance(value, list):
        return next(filter(None, map(_reference, value)), None)
    return None


def _refused(declared: Mapping[str, Any], why: str) -> SluiceError:
    kind = str(declared.get("type"))
    return SluiceError(f"src/usecase/expectations.py: {kind:.100} is not accepted: {why}")
