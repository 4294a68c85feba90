"""Columns that number or name the rows of a file, and so are useless for a new row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import Series

# Usual names of row numbers, as pandas, R, Spark and people write them.
_PANDAS = re.compile(r"unnamed: ?\d+.*|__index_level_\d+__|level_0")
_INDEX = re.compile(
    r"index|idx|nr|no|#|instant|\.\.\.1|_c0"
    r"|(row|line|record|obs|observation)s?[ ._-]?(no|nr|num|number|id|index|name)?s?"
)
_IN_R = re.compile(r"X(\.?\d)?|V1")  # capitals only, because x is a usual name of a feature
_YEARS = (1500, 2200)
_STEPS = 0.9  # the share of rows that follow their predecessor by one, if the count was restarted
_DENSE = 2  # at most this many numbers for each row


def counts_rows(column: Series) -> bool:
    """Whether a column of whole numbers counts the rows.

    Such a column has a usual name of row numbers, or its numbers rise or fall through the file and
    are spread evenly, like row numbers of which some were removed. A feature has repeats, gaps of
    all sizes, or is not in order.
    """
    if column.dtype.kind not in "iu" or column.isna().any():
        return False
    values, name = column.to_numpy(np.float64), str(column.name).strip()
    unique = len(np.unique(values)) == len(values)
    steps = np.diff(values)
    if _PANDAS.fullmatch(name.lower()):
        return True
    if _INDEX.fullmatch(name.lower()) or _IN_R.fullmatch(name):
        return unique or bool((np.abs(steps) == 1).mean() >= _STEPS)
    if not unique or _are_years(values):
        return False
    complete = values.max() - values.min() + 1 == len(values)
    in_order = bool((steps > 0).all() or (steps < 0).all())
    return complete or (in_order and _is_even(np.sort(values)))


def _are_years(values: Floats) -> bool:
    return bool(_YEARS[0] <= values.min() and values.max() <= _YEARS[1])


def _is_even(rising: Floats) -> bool:
    """Whether at least half of the numbers are present, or the present ones are a random sample."""
    size, span = len(rising), rising[-1] - rising[0] + 1
    if span <= _DENSE * size:
        return True
    # The distance between two distribution functions that 99 of 100 samples do not exceed.
    expected = (rising - rising[0]) / (rising[-1] - rising[0])
    observed = np.arange(size) / (size - 1)
    return bool(np.abs(expected - observed).max() <= 1.63 / np.sqrt(size))
