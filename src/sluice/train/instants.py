"""The time of each row, from the column that split.by_time names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice.config import Split
from sluice.errors import SluiceError
from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame


def of(frame: DataFrame, column: str) -> Floats:
    """The times of a typed table's rows, shape [n]: its numbers, or ISO 8601 dates in seconds.

    Raises SluiceError if a value is missing or no date.
    """
    import pandas as pd

    values = frame[column]
    if values.dtype.kind in "iuf":
        unknown = values.isna()
        times = values.to_numpy(np.float64)
    else:
        dates = pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
        unknown = dates.isna()
        times = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
    if unknown.any():
        row = int(unknown.to_numpy().argmax())
        found = values.iloc[row]
        what = "is missing" if found == "" or pd.isna(found) else f"is {found!r}"
        raise SluiceError(
            f"split.by_time: column {column!r} {what} in data row {row + 1}: expected a number or "
            "a date such as 2024-03-31 in every row"
        )
    return times


def newest(frame: DataFrame, split: Split) -> Floats:
    """The time which decides the part of each row, shape [n]: that of its group's newest row."""
    import pandas as pd

    if split.by_time is None:
        raise ValueError("split.by_time names no column")
    times = of(frame, split.by_time)
    if split.group_column is None:
        return times
    groups = pd.factorize(frame[split.group_column])[0]
    return np.asarray(pd.Series(times).groupby(groups).transform("max"), np.float64)
