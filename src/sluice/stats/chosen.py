"""Columns that repeat what the target chose, such as the price of the chosen product.

In such a table, other columns have the price of every product. The value was looked up after the
choice, and a model that compares the columns knows the choice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.metrics import Ints
from sluice.stats.shares import upper_share

LIMIT = 0.9
CHOSEN = "an input must not repeat what the target chose among other columns"


def repeated(
    values: Ints, truth: Ints, classes: int
) -> Iterator[tuple[int, tuple[int, ...], float]]:
    """Yield each column that repeats another one, which one for each class, and the certainty.

    The certainty is 1 if the class says in every row which column is repeated, and 0 if one of them
    explains as many rows for all classes. values: [columns, n]; below 0 if missing. truth: [n].
    """
    rows = len(truth)
    member = np.eye(classes)[truth]
    for place, column in enumerate(values):
        equal = (values == column) & (column >= 0)
        equal[place] = False
        by_class = equal @ member
        reached, alike = int(by_class.max(axis=0).sum()), int(by_class.sum(axis=1).max())
        if reached > max(alike, rows / 2):
            missed = upper_share(rows - reached, rows)
            sources = tuple(int(source) for source in by_class.argmax(axis=0))
            yield place, sources, 1 - missed / (1 - alike / rows)
