"""The time of each row, from the column that split.by_time names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice import dates
from sluice.config import Split
from sluice.errors import SluiceError
from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def of(frame: DataFrame, column: str) -> Floats:
    """The times of a typed table's rows, shape [n]: its numbers, or its dates in seconds.

    Raises SluiceError if a value is missing or not a date, or if day and month are ambiguous.
    """
    values = frame[column]
    times = values.to_numpy(np.float64) if values.dtype.kind in "iuf" else _seconds(values)
    if np.isnan(times).any():
        row = int(np.isnan(times).argmax())
        value = values.iloc[row]
        what = "is missing" if value == "" or value != value else f"is {value!r}"  # noqa: PLR0124
        raise SluiceError(
            f"split.by_time: column {column!r} {what} in data row {row + 1}: expected a number or "
            "a date such as 2024-03-31 in every row"
        )
    return times


def _seconds(values: Series) -> Floats:
    """The seconds of dates written as text, shape [n]; NaN for a value that is not a date."""
    import pandas as pd

    found = dates.read(values)
    if found is None:  # many values are not dates
        return np.array([0.0 if dates.read(pd.Series([v])) else np.nan for v in values])
    if found.ambiguous:
        raise SluiceError(
            f"split.by_time: column {values.name!r} has dates such as {values.iloc[0]!r}, and no "
            "value shows whether the day or the month comes first: write them as 2024-03-31"
        )
    return np.asarray((found.times - pd.Timestamp(0)).dt.total_seconds(), np.float64)


def newest(frame: DataFrame, split: Split) -> Floats:
    """The time that decides the part of each row, shape [n]: that of its group's newest row."""
    import pandas as pd

    if split.by_time is None:
        raise ValueError("split.by_time names no column")
    times = of(frame, split.by_time)
    if split.group_column is None:
        return times
    groups = pd.factorize(frame[split.group_column])[0]
    return np.asarray(pd.Series(times).groupby(groups).transform("max"), np.float64)
