"""Columns that have a value almost only in rows of one class, such as the date of a cancellation.

Such a value was recorded together with the predicted event, or after it. The column may explain
little of the target, because most rows of that class need not have it either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import Floats
from sluice.stats.shares import upper_share

LIMIT = 0.9
ONE_CLASS = "an input must not have values in rows of one class only"


def of_one_class(known: NDArray[np.bool_], outcome: Floats) -> float:
    """Return how much rarer, at least, other classes are among the rows with a value than among all
    rows. 1 means that no row of another class has a value; 0 or less means that they are as
    frequent as among all rows. known: shape [n]. outcome: [n, classes] of 0 and 1. NaN if no row,
    or every row, has a value.
    """
    rows = int(known.sum())
    if not 0 < rows < len(known):
        return float("nan")
    counts = outcome[known].sum(axis=0)
    which = int(counts.argmax())
    others = 1 - float(outcome[:, which].mean())
    if others == 0:
        return float("nan")
    return 1 - upper_share(rows - int(counts[which]), rows) / others
