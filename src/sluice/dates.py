"""Recognise the usual spellings of dates, and read them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sluice.missing import is_missing

if TYPE_CHECKING:
    from pandas import Series

Order = Literal["day first", "month first", "year first"]

_MOST_UNREAD = 0.1  # the largest share of values in a column of dates that are not dates
_FIRST = 500
_FEWEST_MONTHS = 3  # fewer distinct numbers such as 202401 may be numbers by chance
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_NAME = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_YEAR, _SHORT_YEAR = r"(?P<year>\d{4})", r"'?(?P<year>\d{4}|\d{2})"
_MONTH, _DAY = r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_NTH = rf"{_DAY}(?:st|nd|rd|th)?"
_COMPACT = r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)"
_HOUR = r"(?P<hour>\d{1,2})"
_SECONDS = r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
_CLOCK = rf"{_HOUR}(?::(?P<minute>\d\d){_SECONDS})?\s*(?:(?P<half>[ap])\.?m\.?)?"
_ZONE = (
    r"\s*(?:[a-z]{3,4}|z|(?:utc|gmt)?(?P<offset>[-+]\d\d(?::?\d\d)?))?"
    r"\s*(?:\[?[a-z]+/[a-z_/]+\]?|\([a-z .]+\))?"
)
_TIME = rf"(?:(?:\s*t\s*|\s*,?\s+|:){_CLOCK}{_ZONE})?"

# Each pattern is one spelling. A missing day or month means the first one.
_DAYS = (
    rf"{_YEAR}(?P<sign>[-/.]){_MONTH}(?P=sign){_DAY}{_TIME}",
    rf"(?P<one>\d{{1,2}})(?P<sign>[-/.])(?P<two>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}|\d\d){_TIME}",
    rf"{_COMPACT}(?P<day>\d\d){_TIME}",
    rf"{_COMPACT}(?P<day>\d\d)t?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?{_ZONE}",
    rf"{_WEEKDAY}{_NTH}[-/ .,]*{_NAME}[-/ ,]*{_SHORT_YEAR}{_TIME}",
    rf"{_WEEKDAY}{_NAME}[-/ ]*{_NTH}(?:,\s*|[-/ ]+){_YEAR}{_TIME}",
    rf"{_WEEKDAY}{_NAME}\s+{_DAY}\s+{_CLOCK}(?:\s+[a-z]{{3,4}})?\s+{_YEAR}",
    rf"{_YEAR}[-/ ]{_NAME}[-/ ]{_DAY}{_TIME}",
)
_PERIODS = (
    rf"{_YEAR}[-/]{_MONTH}",
    rf"{_MONTH}[-/]{_YEAR}",
    rf"{_YEAR}-?m{_MONTH}",
    rf"{_COMPACT}",
    rf"{_NAME}[-/ ,]*{_SHORT_YEAR}",
    rf"{_YEAR}[-/ ]*{_NAME}",
    rf"{_YEAR}[-/ ]*q(?P<quarter>[1-4])",
    rf"q(?P<quarter>[1-4])[-/ ]*{_SHORT_YEAR}",
    rf"(?P<quarter>[1-4])q[-/ ]*{_SHORT_YEAR}",
    rf"{_YEAR}[-/ ]*w(?P<week>\d{{1,2}})(?:-?(?P<weekday>[1-7]))?",
    rf"w(?P<week>\d{{1,2}})[-/ ]*{_YEAR}",
)
_SPELLINGS = [re.compile(pattern, re.IGNORECASE | re.ASCII) for pattern in (*_DAYS, *_PERIODS)]
_TIME_OF_DAY = re.compile(rf"{_HOUR}:(?P<minute>\d\d){_SECONDS}\s*(?:(?P<half>[ap])\.?m\.?)?", re.I)

Parts = dict[str, str]


@dataclass(frozen=True)
class Dates:
    """A column of dates.

    times: the timestamps in UTC, without a zone; NaT where the value is missing or not a date.
    unread: a value that is not a date; empty if there is none. order: the order of day and month,
    if the column has dates such as 01/02/2024. ambiguous: no value shows that order, so it is
    assumed.
    """

    times: Series
    unread: str = ""
    order: Order | None = None
    ambiguous: bool = False


def parse(column: Series, order: Order | None = None) -> Series | None:
    """Return the timestamps of a column, with NaT for missing values.

    None if a known value is not a date. The times are in UTC and have no zone. order: the order of
    day and month in dates such as 01/02/2024; without it, the values decide.
    """
    found = read(column, order)
    return None if found is None or found.unread else found.times


def read(column: Series, order: Order | None = None) -> Dates | None:
    """Read a column of dates; None if more than a tenth of the known values are not dates.

    The column may be of a date type, or have dates as text or as numbers such as 20240131. Words
    for a missing value, such as NA, are missing.
    """
    import pandas as pd

    if column.dtype.kind == "M":
        return Dates(_without_zone(column))
    if column.dtype.kind in "bm":
        return None
    texts = _texts(column)
    if not _promising(list(texts.values())):
        return None
    known = {value: _match(text) for value, text in texts.items()}
    matched = {value: parts for value, parts in known.items() if parts is not None}
    if not matched or (column.dtype.kind in "iuf" and len(matched) < _FEWEST_MONTHS):
        return None
    found, ambiguous = _order(matched.values())
    order = order or found
    times = {value: _time(parts, order) for value, parts in matched.items()}
    unread = column[column.isin([value for value in texts if times.get(value) is None])]
    if len(unread) > _MOST_UNREAD * column.isin(list(texts)).sum():
        return None
    example = texts[unread.iloc[0]] if len(unread) else ""
    read_as = pd.Series([times.get(value) for value in column], column.index, "datetime64[us]")
    return Dates(read_as, example, order, ambiguous)


def is_time_of_day(column: Series) -> bool:
    """Whether every known value is a text such as 21:30."""
    if column.dtype.kind in "biufMm":
        return False
    known = column.dropna().map(str).unique()
    return len(known) > 0 and all(_TIME_OF_DAY.fullmatch(text.strip()) for text in known)


def _without_zone(column: Series) -> Series:
    import pandas as pd

    times = pd.to_datetime(column, utc=True)
    return times.dt.tz_localize(None).astype("datetime64[us]")


def _texts(column: Series) -> dict[Any, str]:
    """Return the text of each known value; 20240131.0 becomes 20240131."""
    values = column.dropna().unique()
    if column.dtype.kind in "iuf":
        return {value: _whole(value) for value in values}
    texts = {value: str(value).strip() for value in values}
    return {value: text for value, text in texts.items() if not is_missing(text)}


def _whole(number: float) -> str:
    return f"{number:.0f}" if math.isfinite(number) and number == int(number) else "no date"


def _promising(texts: Sequence[str]) -> bool:
    """Whether half of the first texts are dates, a quick check for long columns."""
    first = texts[:_FIRST]
    return len(texts) == len(first) or sum(_match(t) is not None for t in first) * 2 > len(first)


def _match(text: str) -> Parts | None:
    for spelling in _SPELLINGS:
        if found := spelling.fullmatch(text):
            return {part: value for part, value in found.groupdict().items() if value is not None}
    return None


def _order(matched: Iterable[Parts]) -> tuple[Order | None, bool]:
    """Return the order of day and month, and whether it is only assumed."""
    numeric = [parts for parts in matched if "one" in parts]
    if not numeric:
        return None, False
    if any(int(parts["one"]) > 31 and len(parts["year"]) == 2 for parts in numeric):
        return "year first", False
    day_first = sum(int(parts["one"]) > 12 for parts in numeric)
    month_first = sum(int(parts["two"]) > 12 for parts in numeric)
    if day_first or month_first:
        return "day first" if day_first > month_first else "month first", False
    if all(parts["sign"] == "." for parts in numeric):  # nobody writes 01.31.2024
        return "day first", False
    return "month first", True


def _time(parts: Parts, order: Order | None) -> datetime | None:
    """Return the timestamp; None if there is no such day, as in 31/02/2024."""
    try:
        return _start(parts, order) + _time_of_day(parts)
    except (ValueError, OverflowError):
        return None


def _start(parts: Parts, order: Order | None) -> datetime:
    """Return the day, or the first day of the period."""
    if "one" in parts:
        return _numeric(parts, order)
    year = _year(parts["year"])
    if "week" in parts:
        return datetime.fromisocalendar(year, int(parts["week"]), int(parts.get("weekday", "1")))
    if "quarter" in parts:
        return datetime(year, 3 * int(parts["quarter"]) - 2, 1)
    month = _month(parts["name"]) if "name" in parts else int(parts["month"])
    return datetime(year, month, int(parts.get("day", "1")))


def _numeric(parts: Parts, order: Order | None) -> datetime:
    """Return the day of a date such as 01/02/2024."""
    one, two, three = parts["one"], parts["two"], parts["year"]
    if order == "year first" and len(three) == 2:
        return datetime(_year(one), int(two), int(three))
    day, month = (one, two) if order == "day first" else (two, one)
    return datetime(_year(three), int(month), int(day))


def _year(text: str) -> int:
    """Return the year; two digits mean 1969 to 2068, as POSIX reads them."""
    year = int(text)
    if len(text) > 2:
        return year
    return year + (1900 if year > 68 else 2000)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _time_of_day(parts: Parts) -> timedelta:
    hour, minute = int(parts.get("hour", "0")), int(parts.get("minute", "0"))
    if "half" in parts:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} is not an hour of the 12-hour clock")
        hour = hour % 12 + (12 if parts["half"].lower() == "p" else 0)
    second = int(parts.get("second", "0"))
    if hour > 24 or minute > 59 or second > 60:
        raise ValueError(f"{hour}:{minute}:{second} is not a time of day")
    fraction = int(parts.get("fraction", "0").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fraction) - _offset(
        parts
    )


def _offset(parts: Parts) -> timedelta:
    text = parts.get("offset", "").replace(":", "")
    if not text:
        return timedelta()
    size = timedelta(hours=int(text[1:3]), minutes=int(text[3:5] or "0"))
    return -size if text[0] == "-" else size
