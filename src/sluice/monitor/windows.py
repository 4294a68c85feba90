"""The days that a monitor looks at, and the counts of a model's records in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from sluice.monitor.summary import Cell, FileSummary
from sluice.sketch import distinct

_EPOCH = date(1970, 1, 1)
# Full weeks, because weekdays differ; and the last day, to find large changes quickly.
DAYS = (1, 7, 28)


@dataclass(frozen=True)
class Subject:
    """The model that is monitored. digest: the digest of its package."""

    package: str
    version: str
    digest: str


@dataclass(frozen=True)
class Window:
    """The records of some days. last: days since 1970; cells: the counts of these days."""

    days: int
    last: int
    cells: tuple[Cell, ...]

    @property
    def rows(self) -> int:
        return sum(cell.rows for cell in self.cells)

    @property
    def independent(self) -> float:
        """The number of distinct ids as a share of the rows; 1 if no row has an id."""
        with_id = sum(cell.with_id for cell in self.cells)
        if not with_id:
            return 1.0
        sketch = distinct.smallest(*(cell.sketch for cell in self.cells))
        return min(1.0, distinct.count(sketch) / with_id)

    @property
    def has_ids(self) -> bool:
        return any(cell.with_id for cell in self.cells)

    def __str__(self) -> str:
        if self.days == 1:
            return f"on {day(self.last)}"
        return f"in the {self.days} days to {day(self.last)}"


def day(number: int) -> date:
    """The date of a day since 1970."""
    return _EPOCH + timedelta(days=number)


def number_of(date_: date) -> int:
    """The day since 1970 of a date."""
    return (date_ - _EPOCH).days


def today() -> int:
    """Today's day, UTC."""
    return number_of(datetime.now(UTC).date())


def cells_of(summaries: Iterable[FileSummary], subject: Subject) -> list[Cell]:
    """The counts of all versions of the monitored model."""
    return [c for s in summaries for c in s.cells if c.key.package == subject.package]


def last_day(cells: Iterable[Cell], now: int) -> int:
    """The last complete day with records, or today if there are none before; else yesterday."""
    days = {cell.key.day for cell in cells if cell.key.day <= now}
    complete = [day for day in days if day < now]
    return max(complete, default=max(days, default=now - 1))


def window(cells: Iterable[Cell], days: int, last: int) -> Window:
    """The counts of the days up to `last`."""
    return Window(days, last, tuple(c for c in cells if last - days < c.key.day <= last))


def of_version(cells: Iterable[Cell], subject: Subject) -> list[Cell]:
    """The counts of only this version."""
    return [cell for cell in cells if cell.key.digest == subject.digest]


def total(parts: Iterable[tuple[int, ...]], size: int) -> np.ndarray:
    """The sum of counts, shape [size]; parts without counts are skipped."""
    found = [part for part in parts if part]
    return np.sum(np.array(found, np.int64), axis=0) if found else np.zeros(size, np.int64)
