"""The columns that identify a row, say which rows belong together, or order the rows in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice import dates, table
from sluice.adopt.profile import ColumnProfile, ColumnType
from sluice.adopt.profile.values import is_number, number_type
from sluice.config import INDEPENDENT
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import Series

_LARGEST_EXACT = 2**53  # float64 is not exact for larger whole numbers
_FEWEST_TIMES = 4  # one for each part of the split


def profile_id(column: Series) -> ColumnProfile:
    """Return the profile of a column that identifies a row. Raises SluiceError if it does not."""
    name = str(column.name)
    _require_known("--id", column, "an id must identify every row")
    repeats = int(table.labels(column).duplicated().sum())
    if repeats:
        raise SluiceError(
            f"--id: {repeats:,} values of column {name!r} repeat, but an id identifies one row; if "
            "the rows with the same value belong together, such as those of one customer, use "
            f"--group {name!r} instead of --id"
        )
    return ColumnProfile(name, _type(column))


def profile_group(column: Series) -> ColumnProfile:
    """Return the profile of a column that says which rows belong together."""
    name = str(column.name)
    if name == INDEPENDENT:
        raise SluiceError(f"--group: rename the column {name!r}, because 'none' names no column")
    _require_known("--group", column, "every row must belong to a group")
    distinct = column.nunique()
    if distinct == len(column):
        raise SluiceError(
            f"--group: column {name!r} is different in every row, so no rows belong together; if "
            f"it identifies the row, use --id {name!r}"
        )
    if distinct == 1:
        raise SluiceError(
            f"--group: column {name!r} is {column.iloc[0]!r} in every row, so all rows would be in "
            "one part: name another column"
        )
    remark = f"its {distinct:,} different values group the rows, so it is not a model input"
    return ColumnProfile(name, _type(column), "ignored", remark=remark)


def profile_time(column: Series) -> ColumnProfile:
    """Return the profile of a column of dates or numbers that orders the rows in time."""
    name = str(column.name)
    _require_known("--by-time", column, "every row needs a time")
    if not is_number(column):
        found = dates.read(column)
        if found is None or found.unread:
            value = column.iloc[0] if found is None else found.unread
            raise SluiceError(
                f"--by-time: column {name!r} has the value {str(value)!r}, which is no date: "
                "correct it, or name a column of dates or numbers"
            )
        if found.ambiguous:
            raise SluiceError(
                f"--by-time: column {name!r} has dates such as {str(column.iloc[0])!r}, and no "
                "value shows whether the day or the month comes first: write them as 2024-03-31"
            )
    if column.nunique() < _FEWEST_TIMES:
        raise SluiceError(
            f"--by-time: column {name!r} has only {column.nunique()} different times, but at least "
            f"{_FEWEST_TIMES} are needed, one for each part of the split"
        )
    kind: ColumnType = number_type(column) if is_number(column) else "text"
    remark = "it orders the rows for the split by time, so it is not a model input"
    return ColumnProfile(name, kind, "ignored", remark=remark)


def _type(column: Series) -> ColumnType:
    exact = (
        is_number(column)
        and number_type(column) == "integer"
        and column.abs().max() < _LARGEST_EXACT
    )
    return "integer" if exact else "text"


def _require_known(option: str, column: Series, reason: str) -> None:
    missing = int(column.isna().sum())
    if missing:
        raise SluiceError(
            f"{option}: column {str(column.name)!r} is missing in {missing:,} rows, but {reason}"
        )
