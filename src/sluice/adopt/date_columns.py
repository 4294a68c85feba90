"""Columns of numbers that are derived from dates: `sluice adopt --derive-dates`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice import dates
from sluice.adopt.source import Source
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame, Series, Timestamp


def with_derived(
    source: Source, frame: DataFrame, *, roles: Collection[str | None], by_time: str | None
) -> Source:
    """Return the table with columns derived from its dates, and a remark on each of them.

    Each date gets a month, a weekday, and its age in days on the latest day of all these dates.
    frame: the same table with missing values as NA. roles: columns that are not derived from,
    such as the target. by_time: it gets no age, because that would be the order of the rows.
    Raises SluiceError if there is no column of dates.
    """
    found = {str(name): dates.read(frame[name]) for name in frame.columns if name not in roles}
    times = {name: read.times for name, read in found.items() if read and _is_clear(read)}
    if not times:
        raise SluiceError(f"--derive-dates: no column has dates{_unclear(found)}")
    latest = max(column.max() for column in times.values()).normalize()
    made: dict[str, Series] = {}
    remarks = {}
    for name, column in times.items():
        for derived, (values, remark) in _columns(name, column, latest).items():
            if derived in frame.columns:
                raise SluiceError(
                    f"--derive-dates: the table has a column {derived!r} already; rename it"
                )
            if name != by_time or not derived.endswith(_AGE):
                made[derived], remarks[derived] = values, remark
    return replace(
        source,
        frame=source.frame.assign(**made),
        remarks={**source.remarks, **remarks},
        derived=tuple(made),
    )


_AGE = "age in days"


def _columns(name: str, times: Series, latest: Timestamp) -> dict[str, tuple[Series, str]]:
    """The derived columns, by their names, each with what it means."""
    age = (latest - times.dt.normalize()).dt.days
    source = f"derived from {name!r}, new rows must have it too:"
    return {
        f"{name} month": (times.dt.month.astype("Int64"), f"{source} the month, 1 to 12"),
        f"{name} weekday": (
            (times.dt.day_of_week + 1).astype("Int64"),
            f"{source} the weekday, 1 for Monday to 7",
        ),
        f"{name} {_AGE}": (
            age.astype("Int64"),
            f"{source} the days until {latest:%Y-%m-%d}, negative for later dates",
        ),
    }


def _is_clear(read: dates.Dates) -> bool:
    return not read.unread and not read.ambiguous and bool(read.times.notna().any())


def _unclear(found: dict[str, dates.Dates | None]) -> str:
    """Why a column that seems to have dates was left out."""
    for name, read in found.items():
        if read is not None and read.unread:
            return f"; column {name!r} has the value {read.unread!r}, which is no date"
        if read is not None and read.ambiguous:
            return (
                f"; in column {name!r} no value shows whether the day or the month comes first, "
                "so write its dates as 2024-03-31"
            )
    return ""
