"""Whether a column can be a model input, and of which type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sluice import dates, table
from sluice.adopt.profile import ColumnProfile, ColumnType
from sluice.adopt.profile.counter import counts_rows
from sluice.adopt.profile.formatted import advice
from sluice.adopt.profile.margins import allowed_missing, mostly_known, widened_range
from sluice.adopt.profile.values import (
    as_scalar,
    date_remark,
    is_number,
    known_labels,
    number_type,
)
from sluice.labels import MISSING

if TYPE_CHECKING:
    from pandas import Series

_FEW_LEVELS = 50  # up to this many levels, a category keeps all of them
_MOST_LEVELS = 254  # the most that a model distinguishes in one column
_LEVEL_ROWS = 20  # a level with fewer rows is treated as one with the other rare levels
_COVERED = 0.1  # the frequent levels of a category must cover at least this share of the rows

# Words in a column name that suggest that the column identifies the row.
_ID_WORDS = {"id", "ids", "index", "key", "uuid", "guid", "nr", "no", "number", "row", "rowid"}
_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IF_ID = "if it identifies the row, adopt again with --id"


def profile_feature(column: Series, *, derived: bool = False) -> ColumnProfile:
    """Return the profile of a column that has no other role: it is a feature, or is ignored with a
    reason.

    derived: whether it was derived from dates; it then does not count the rows, even if it looks
    so.
    """
    reason = _reason_to_ignore(column, derived=derived)
    if reason:
        return ignored(column, reason)
    if is_number(column):
        low, high = widened_range(column)
        return ColumnProfile(
            str(column.name),
            number_type(column),
            "feature",
            low,
            high,
            missing=allowed_missing(column),
        )
    return _category_or_text(column)


def ignored(column: Series, reason: str) -> ColumnProfile:
    """Return the profile of a column that is not a model input."""
    kind: ColumnType = number_type(column) if is_number(column) else "text"
    missing = allowed_missing(column)
    return ColumnProfile(str(column.name), kind, "ignored", missing=missing, remark=reason)


def _reason_to_ignore(column: Series, *, derived: bool) -> str:
    """Say why no model could use the column, whatever the target is; empty if a model could."""
    count = column.nunique()
    if count < 2:
        return (
            "it has the same value in every row that has one"
            if count
            else "it has no value in any row"
        )
    if column.dtype.kind == "m":
        return "it is a duration; write it as a number, such as of days"
    if remark := date_remark(column):
        return (
            f"{remark}, which cannot be a model input without conversion; adopt again with "
            "--derive-dates to "
            "use numbers derived from it"
        )
    if not derived and counts_rows(column):
        return f"it numbers the rows of the file, so it has no meaning for a new row; {_IF_ID}"
    if count == len(column) and is_number(column) and column.dtype.kind != "f":
        named = any(part.lower() in _ID_WORDS for part in _NAME_PARTS.findall(str(column.name)))
        return f"it is different in every row; {_IF_ID}" if named else ""
    return ""


def _category_or_text(column: Series) -> ColumnProfile:
    name, missing, count = str(column.name), allowed_missing(column), column.nunique()
    remark = advice(column)
    if not remark and dates.is_time_of_day(column):
        remark = "it has times of day, which the model can only use as categories"
    if count <= min(_FEW_LEVELS, max(2, len(column) // 5)):
        values = tuple(map(as_scalar, known_labels(column)))
        return ColumnProfile(
            name,
            "category",
            values=values,
            missing=missing,
            mostly=mostly_known(column),
            remark=remark,
        )
    if count == len(column):
        return ignored(column, remark or f"it is different in every row; {_IF_ID}")
    frequent = [] if remark else _frequent(column)
    if frequent:
        levels = tuple(map(as_scalar, frequent))
        told = (
            f"the {len(levels)} that are frequent enough, and treats all others as one"
            if len(levels) < count
            else "all of them, and treats all new ones as one"
        )
        rare = f"it has {count:,} different texts; the model distinguishes {told}"
        return ColumnProfile(name, "category", levels=levels, missing=missing, remark=rare)
    text = (
        f"it has {count:,} different texts, most of them in few rows, so it is treated as free text"
    )
    return ignored(column, remark or text)


def _frequent(column: Series) -> list[str]:
    """Return the levels with enough rows, in order; none if together they cover too few rows."""
    counts = table.labels(column).value_counts()
    counts = (
        counts[counts.index != MISSING].sort_index().sort_values(ascending=False, kind="stable")
    )
    most = counts[counts >= _LEVEL_ROWS].head(_MOST_LEVELS)
    if len(most) < 2 or most.sum() < _COVERED * len(column):
        return []
    known = set(most.index)
    return [text for text in known_labels(column) if text in known]
