"""Dates are recognised in every usual spelling, and other texts and numbers are not dates."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import dates

# The same moment in each spelling: the first of February 2024, at 09:05 in the afternoon.
DAY = dt.datetime(2024, 2, 1)
SPELLINGS = {
    "2024-02-01": DAY,
    "2024/2/1": DAY,
    "2024.02.01": DAY,
    "20240201": DAY,
    "01.02.2024": DAY,
    "01.02.24": DAY,
    "1-Feb-2024": DAY,
    "01-FEB-24": DAY,
    "01FEB2024": DAY,
    "1 February 2024": DAY,
    "1st Feb 2024": DAY,
    "Thu, 01 Feb 2024": DAY,
    "Thursday, February 1, 2024": DAY,
    "Feb 01, 2024": DAY,
    "Feb. 1 2024": DAY,
    "2024-Feb-01": DAY,
    "2024-02": DAY,
    "02/2024": DAY,
    "2024M02": DAY,
    "202402": DAY,
    "Feb-24": DAY,
    "Feb 2024": DAY,
    "February, 2024": DAY,
    "2024 Feb": DAY,
    "2024Q1": dt.datetime(2024, 1, 1),
    "2024-Q1": dt.datetime(2024, 1, 1),
    "Q2 2024": dt.datetime(2024, 4, 1),
    "3Q24": dt.datetime(2024, 7, 1),
    "2024-W01": dt.datetime(2024, 1, 1),
    "2024W05-4": DAY,
    "W05 2024": dt.datetime(2024, 1, 29),
    "2024-02-01T21:05:30": dt.datetime(2024, 2, 1, 21, 5, 30),
    "2024-02-01 21:05:30.25Z": dt.datetime(2024, 2, 1, 21, 5, 30, 250_000),
    "2024-02-01 09:05 PM": dt.datetime(2024, 2, 1, 21, 5),
    "2024-02-01 12:05 a.m.": dt.datetime(2024, 2, 1, 0, 5),
    "2024-02-01 21:05:00+00": dt.datetime(2024, 2, 1, 21, 5),
    "2024-02-01T21:05:00+02:00": dt.datetime(2024, 2, 1, 19, 5),
    "2024-02-01 21:05:00 -0530": dt.datetime(2024, 2, 2, 2, 35),
    "2024-02-01 21:05 UTC": dt.datetime(2024, 2, 1, 21, 5),
    "2024-02-01 21:05+01:00[Europe/Paris]": dt.datetime(2024, 2, 1, 20, 5),
    "20240201T210500Z": dt.datetime(2024, 2, 1, 21, 5),
    "20240201210500": dt.datetime(2024, 2, 1, 21, 5),
    "01FEB2024:21:05:00": dt.datetime(2024, 2, 1, 21, 5),
    "Thu Feb  1 21:05:00 2024": dt.datetime(2024, 2, 1, 21, 5),
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_the_usual_spellings_are_read(text: str) -> None:
    times = dates.parse(pd.Series([text, None, f" {text} ", "n/a"]))
    assert times is not None
    assert times.isna().tolist() == [False, True, False, True]
    assert times[0] == times[2] == SPELLINGS[text]


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-02-30"],
        ["2024-13-01", "2024-14-01"],
        ["32.01.2024"],
        ["10.0.0.1", "192.168.1.1"],
        ["1.5", "2.25"],
        ["250.00", "401.9"],
        ["may", "march"],
        ["2024"],
        ["21:30", "07:30"],
        ["555-0199"],
        ["Feb 30, 2024"],
        ["2024-W54"],
        ["13:05 pm 2024-01-01"],
        ["one", "two"],
        [True, False],
        [],
        [None],
    ],
)
def test_other_values_are_not_dates(texts: list[object]) -> None:
    assert dates.parse(pd.Series(texts, dtype=object)) is None


def test_numbers_are_dates_only_if_all_of_several_are() -> None:
    whole = pd.array([20240131, None, 20240229, 20231231], dtype="Int64")
    assert dates.parse(pd.Series(whole)).tolist()[0] == pd.Timestamp("2024-01-31")
    assert dates.parse(pd.Series([202401.0, 202402.0, 202412.0])) is not None
    assert dates.parse(pd.Series([202401, 202402])) is None
    assert dates.parse(pd.Series([20240131, 20240229, 20241332])) is None
    assert dates.parse(pd.Series([0.5, 20240229, 20240131])) is None


def test_types_of_dates_are_read() -> None:
    zoned = pd.Series(pd.to_datetime(["2024-02-01 01:00", None]).tz_localize("Europe/Berlin"))
    assert dates.parse(zoned).tolist()[0] == pd.Timestamp("2024-02-01 00:00")
    assert dates.parse(pd.Series([dt.date(2024, 2, 1), None])).tolist()[0] == pd.Timestamp(DAY)


@pytest.mark.parametrize(
    ("texts", "order", "ambiguous", "first"),
    [
        (["01/02/2024", "13/02/2024"], "day first", False, "2024-02-01"),
        (["01/02/2024", "02/13/2024"], "month first", False, "2024-01-02"),
        (["01/02/24", "02/03/24"], "month first", True, "2024-01-02"),
        (["01-02-2024"], "month first", True, "2024-01-02"),
        (["01.02.2024"], "day first", False, "2024-02-01"),
        (["24/02/01", "99/12/31"], "year first", False, "2024-02-01"),
        (["2024-02-01"], None, False, "2024-02-01"),
    ],
)
def test_the_values_decide_the_order_of_day_and_month(
    texts: list[str], order: str | None, ambiguous: bool, first: str
) -> None:
    found = dates.read(pd.Series(texts))
    assert found is not None
    assert (found.order, found.ambiguous) == (order, ambiguous)
    assert found.times[0] == pd.Timestamp(first)


def test_a_given_order_is_kept() -> None:
    found = dates.parse(pd.Series(["01/02/2024"]), "day first")
    assert found is not None
    assert found[0] == pd.Timestamp(DAY)
    assert dates.parse(pd.Series(["01/13/2024"]), "day first") is None


def test_a_few_values_that_are_not_dates_are_reported() -> None:
    found = dates.read(pd.Series([*["2024-02-01"] * 19, "soon"]))
    assert found is not None
    assert found.unread == "soon"
    assert found.times.isna().sum() == 1
    assert dates.read(pd.Series([*["2024-02-01"] * 4, "soon"])) is None
    mixed = dates.read(pd.Series([*[f"{day}/01/2024" for day in range(1, 31)], "01/13/2024"]))
    assert mixed is not None
    assert (mixed.order, mixed.unread) == ("day first", "01/13/2024")


def test_times_of_day_are_not_dates() -> None:
    assert dates.is_time_of_day(pd.Series(["21:30", "9:05 am", None]))
    assert not dates.is_time_of_day(pd.Series(["2024-01-01 21:30"]))
    assert not dates.is_time_of_day(pd.Series([None], dtype=object))


FORMATS = ("%Y-%m-%d %H:%M:%S", "%d %B %Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%Y%m%d%H%M%S")


@given(
    st.lists(st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2090, 1, 1)), min_size=1),
    st.sampled_from(FORMATS),
)
def test_every_moment_is_read_back(moments: list[dt.datetime], form: str) -> None:
    whole = [moment.replace(microsecond=0) for moment in moments]
    times = dates.parse(pd.Series([moment.strftime(form) for moment in whole]), "month first")
    assert times is not None
    assert times.tolist() == whole
