"""Whether a column can be a model input, and of which type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sluice.adopt.profile import ColumnProfile, ColumnType
from sluice.adopt.profile.values import (
    allowed_missing,
    as_scalar,
    is_date,
    is_number,
    known_labels,
    number_type,
    widened_range,
)

if TYPE_CHECKING:
    from pandas import Series

_MOST_CATEGORIES = 50  # a column with more is free text

# Words in a column name which suggest that the column names the row.
_ID_WORDS = {"id", "ids", "index", "key", "uuid", "guid", "nr", "no", "number", "row", "rowid"}
_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Numbers with a currency sign, a percent sign or separators.
_FORMATTED = re.compile(r"[-+]?[$\u20ac\u00a3]? ?\d+([., ']\d+)* ?[%$\u20ac\u00a3]?")


def profile_feature(column: Series) -> ColumnProfile:
    """Return the profile of a column without another role: a feature, or ignored with a reason."""
    name, missing, number = str(column.name), allowed_missing(column), is_number(column)
    reason = _reason_to_ignore(column)
    if reason:
        kind: ColumnType = number_type(column) if number else "text"
        return ColumnProfile(name, kind, "ignored", missing=missing, remark=reason)
    if number:
        low, high = widened_range(column)
        return ColumnProfile(name, number_type(column), "feature", low, high, missing=missing)
    remark, count = _mixed_with_words(column) or _formatted_numbers(column), column.nunique()
    if count <= min(_MOST_CATEGORIES, max(2, len(column) // 5)):
        values = tuple(map(as_scalar, known_labels(column)))
        return ColumnProfile(name, "category", values=values, missing=missing, remark=remark)
    remark = (
        remark or f"it has {count:,} different texts; combine them into {_MOST_CATEGORIES} or fewer"
    )
    return ColumnProfile(name, "text", "ignored", missing=missing, remark=remark)


def _reason_to_ignore(column: Series) -> str:
    """Say why no model could use the column, whatever the target; empty if one could."""
    count = column.nunique()
    if count == 0:
        return "it has no value in any row"
    if count == 1:
        return "it has the same value wherever it has one"
    if is_date(column):
        return (
            "it is a date, which cannot be a model input; before you adopt the table, add numbers "
            "derived from it, such as a year or an age"
        )
    may_be_id = not is_number(column) or _named_like_an_id(str(column.name))
    if count == len(column) and may_be_id and column.dtype.kind != "f":
        return "it is different in every row; if it identifies the row, adopt again with --id"
    return ""


def _named_like_an_id(name: str) -> bool:
    return any(part.lower() in _ID_WORDS for part in _NAME_PARTS.findall(name))


def _mixed_with_words(column: Series) -> str:
    """Say which words a column of numbers contains; empty if it is not such a column."""
    import pandas as pd

    if column.dtype.kind == "b":
        return ""
    known = column.dropna().map(str)
    words = known[pd.to_numeric(known, errors="coerce").isna()]
    if not 0 < len(words) <= len(known) // 10:
        return ""
    example = str(words.iloc[0])[:20]
    return f"it has numbers and words such as {example!r}; leave those cells empty to use it"


def _formatted_numbers(column: Series) -> str:
    """Give an example of numbers with currency signs or separators; empty if there are none."""
    known = column.dropna().map(str).str.strip()
    formatted = known[known.str.contains(r"[^\d]")]
    if formatted.empty or not all(_FORMATTED.fullmatch(text) for text in known.unique()):
        return ""
    example = str(formatted.iloc[0])[:20]
    return f"it has formatted numbers such as {example!r}; write them like 1234.5 to use them"
