"""How far new rows of the same kind may go beyond the values of the adopted rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.adopt.profile.values import number_type, rounded
from sluice.labels import MISSING
from sluice.metrics import Floats
from sluice.stats.shares import upper_share

if TYPE_CHECKING:
    from pandas import Series

_TAIL = 20  # the number of extreme values whose mean distance from the next one measures the tail
_REACH = 2  # the range extends beyond the most extreme value by this many times that distance
NEW_ROWS = 0.25  # new rows, as a share of the adopted ones, that must fit
# This many new rows may have unexpected values.
_UNEXPECTED_ROWS = 4
_LEAST_MOSTLY = 0.9


def widened_range(column: Series) -> tuple[float | int, float | int]:
    """Return the observed range of a number with a margin at either end, but not across zero.

    The margin is a tenth of the range, or more if the tail at this end is longer than that.
    """
    values = np.sort(column.dropna().to_numpy(np.float64))
    low, high = float(values[0]), float(values[-1])
    least = (high - low) / 10
    wide_low = low - max(least, _REACH * _excess(-values[::-1]))
    wide_high = high + max(least, _REACH * _excess(values))
    wide_low = max(wide_low, 0.0) if low >= 0 else wide_low
    wide_high = min(wide_high, 0.0) if high <= 0 else wide_high
    if number_type(column) == "integer":
        return math.floor(wide_low), math.ceil(wide_high)
    step = 10.0 ** (math.floor(math.log10(least)) - 1)
    return rounded(math.floor(wide_low / step) * step), rounded(math.ceil(wide_high / step) * step)


def _excess(rising: Floats) -> float:
    """Return the mean distance of the largest values from the next smaller one."""
    tail = min(_TAIL, len(rising) // 10)
    return float((rising[-tail:] - rising[-tail - 1]).mean()) if tail else 0.0


def allowed_missing(column: Series) -> float:
    """Return the share of missing values to allow: 1.5 times the observed share plus 0.01.

    The result is at least the upper end of the confidence interval of the share, so that the first
    missing value does not exceed a bound of zero.
    """
    missing, rows = int(column.isna().sum()), len(column)
    observed = 1.5 * missing / rows + 0.01 if missing else 0.0
    return min(1.0, math.ceil(max(observed, upper_share(missing, rows)) * 1000) / 1000)


def mostly(rows: int) -> float:
    """Return the share of values that must be as expected in a table of that many rows."""
    return max(_LEAST_MOSTLY, math.floor((1 - _UNEXPECTED_ROWS / rows) * 1e5) / 1e5)


def mostly_known(column: Series) -> float | None:
    """Return the share of values that must be known categories; None if `mostly` is enough.

    The share of rows with unseen categories is about that of categories seen once (Good, 1953).
    """
    counts = table.labels(column).value_counts()
    new = int((counts[counts.index != MISSING] == 1).sum()) * NEW_ROWS
    if new < 1:
        return None
    unexpected = new + 3 * math.sqrt(new) + _UNEXPECTED_ROWS
    return max(_LEAST_MOSTLY, math.floor((1 - unexpected / len(column)) * 1e5) / 1e5)
