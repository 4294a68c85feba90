"""Numeric columns that are derived from dates: `sluice adopt --derive-dates`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice import dates
from sluice.adopt.profile.values import is_number
from sluice.adopt.source import Source
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame, Series, Timestamp


def with_derived(
    source: Source, frame: DataFrame, *, roles: Collection[str | None], by_time: str | None
) -> Source:
    """Return the table with columns derived from its dates, and a remark on each of them.

    Each date gets a month, a weekday, and its age in days on the latest day of all these dates.
    frame: the table of the source, with missing values as NA. roles: columns from which nothing is
    derived, such as the target. by_time: the column that gets no age, because its age would be the
    order of the rows. Raises SluiceError if there is no column of dates.
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
                    f"--derive-dates: the table already has a column {derived!r}; rename it"
                )
            if name != by_time or not derived.endswith(_AGE):
                made[derived], remarks[derived] = values, remark
    return replace(
        source,
        frame=source.frame.assign(**made),
        remarks={**source.remarks, **remarks},
        derived=tuple(made),
    )


def with_remarks_on_derived(source: Source, frame: DataFrame) -> Source:
    """Return the table with a remark on each column that an earlier `with_derived` added to it.

    frame: the table of the source, with missing values as NA. A column whose numbers no longer
    match its date is treated as an ordinary column.
    """
    remarks: dict[str, str] = {}
    for name in map(str, frame.columns):
        read = dates.read(frame[name]) if _has_derived(name, frame) else None
        if read is None or not _is_clear(read):
            continue
        columns = _columns(name, read.times, _latest(name, read.times, frame))
        for derived, (values, remark) in columns.items():
            if derived in frame and _equal(frame[derived], values):
                remarks[derived] = remark
    return replace(source, remarks={**source.remarks, **remarks}, derived=tuple(remarks))


def _equal(column: Series, values: Series) -> bool:
    return is_number(column) and column.astype("Float64").equals(values.astype("Float64"))


def _has_derived(name: str, frame: DataFrame) -> bool:
    derived = [f"{name} {what}" for what in ("month", "weekday", _AGE)]
    return any(each in frame and is_number(frame[each]) for each in derived)


def _latest(name: str, times: Series, frame: DataFrame) -> Timestamp:
    """Return the day from which the ages were counted, or the latest one if there are none."""
    import pandas as pd

    latest: Timestamp = times.max().normalize()
    age = f"{name} {_AGE}"
    if age in frame and is_number(frame[age]):
        days = pd.to_timedelta(frame[age].astype("Float64"), unit="D")
        counted = (times.dt.normalize() + days).dropna()
        latest = counted.iloc[0] if len(counted) else latest
    return latest


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
            return f"; column {name!r} has the value {read.unread!r}, which is not a date"
        if read is not None and read.ambiguous:
            return (
                f"; in column {name!r} no value shows whether the day or the month comes first, "
                "so write its dates as 2024-03-31"
            )
    return ""
