"""Rows at the edges of a model, on which its export is compared with the fitted pipeline.

These rows are copies of holdout rows, each with one number on or next to a split threshold, at a
limit of float32 or missing, or with one category set to each of its levels and to an unknown one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# Numbers that float32 cannot represent, amounts in cents, and the limits of float32.
_AWKWARD = [0.0, -0.0, -1.0, 0.1, 1e9 + 0.01, 2.0**24 + 1, -(2.0**24) - 1, 1e15, 3e38, -3e38]


def edge_rows(
    holdout: DataFrame, thresholds: Mapping[int, Floats], numbers: int, seed: int
) -> DataFrame:
    """Holdout rows, each with one number at an edge, or one category set to another value.

    thresholds: the thresholds of the model, for each column of its matrix. The encoders put the
    numbers first and keep their order, so the first columns of the matrix are the numbers.
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    parts = []
    for position, name in enumerate(holdout.columns):
        known = thresholds.get(position, np.array([]))
        values = _edges(known) if position < numbers else _levels(holdout[name])
        rows = holdout.iloc[random.integers(0, len(holdout), len(values))].copy()
        rows[name] = values
        parts.append(rows)
    nothing = holdout.iloc[:1].copy()
    for position, name in enumerate(holdout.columns):
        nothing[name] = np.nan if position < numbers else ""
    return pd.concat([*parts, nothing], ignore_index=True)


def _levels(column: Series) -> np.ndarray:
    return np.array(["", "\u0000 unseen", *sorted(column.unique())], object)


def _edges(thresholds: Floats) -> Floats:
    """The thresholds and their neighbours, special values, and a missing one."""
    at = thresholds[np.isfinite(thresholds)]
    near = at.astype(np.float32)
    beside = [np.nextafter(near, np.float32(way)) for way in (-np.inf, np.inf)]
    close = [np.nextafter(at, way) for way in (-np.inf, np.inf)]
    return np.concatenate([at, near, *beside, *close, _AWKWARD, [np.nan]], dtype=float)
