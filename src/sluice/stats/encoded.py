"""Columns that were computed from the target: its mean for the rows of each shop, city or group.

Such a column (target encoding) contains a part of each row's own target. The column may explain
little of the target alone, but its values reveal how it was made: among the rows with the same
value, the mean of the target is that value, more exactly than it would be by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import Series

LIMIT = 1 - 1e-6
MEANS = "an input must not be computed from the target"
_FEWEST_VALUES = 3
_CHANCE, _ROUNDING = 1e-3, 1e-9
_EXACT = 0.9  # the least share of values that equal the mean of their rows, except for rounding
_DIGITS = 6
UNITS = (1.0, 100.0)  # a share can also be written in percent


def encoding(column: Series, outcomes: Floats, *, shares: bool) -> float:
    """Return how surely a column of numbers was computed from the target: 1 minus the probability
    that the means are as close to the values if an honest column predicts them without bias.

    outcomes: [n, m], the target, or 0 and 1 for each class. shares: whether outcomes are classes.
    0 if fewer than nine tenths of the values equal the means of their rows, except for rounding.
    NaN if too few values occur in several rows.
    """
    numbers = column.to_numpy(np.float64)
    known = np.isfinite(numbers)
    values, rows, count = np.unique(numbers[known], return_inverse=True, return_counts=True)
    if (count > 1).sum() < _FEWEST_VALUES:
        return float("nan")
    certain = [
        _certainty(values / unit, rows, count, outcome[known], shares=shares)
        for outcome in outcomes.T
        for unit in (UNITS if shares else UNITS[:1])
    ]
    return max(certain)


def _certainty(
    values: Floats, rows: np.ndarray, count: np.ndarray, outcome: Floats, *, shares: bool
) -> float:
    from scipy.stats import binom, chi2

    means = np.bincount(rows, outcome) / count
    used = count > 1
    if shares:  # a value of 0 or 1 has no spread
        used &= (values > 0) & (values < 1)
    if used.sum() < _FEWEST_VALUES:
        return 0.0
    # A column that predicts well can also be close to the means; it rarely equals them.
    if (np.abs(means - values)[used] <= rounding(values)).mean() < _EXACT:
        return 0.0
    spread = values * (1 - values) if shares else _spread(outcome - means[rows], count, used[rows])
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = count * (means - values) ** 2 / spread
    total = float(squares[used].sum())
    if not np.isfinite(total):
        return 0.0
    if shares:  # few rows meet a share exactly by chance
        n, p = count[used], values[used]
        off = np.abs(means[used] - p) * n + _ROUNDING
        chance = binom.cdf(n * p + off, n, p) - binom.cdf(np.ceil(n * p - off) - 1, n, p)
        if chance.prod() > _CHANCE:
            return 0.0
    return float(chi2.sf(total, used.sum()))


def rounding(values: Floats) -> float:
    """Return how far a mean can be from its value, given the digits that the values have."""
    digits = 0
    while digits < _DIGITS and np.abs(values - values.round(digits)).max() > _ROUNDING:
        digits += 1
    return 0.5 * 10.0**-digits * (1 + 1e-6) + _ROUNDING


def _spread(residuals: Floats, count: np.ndarray, used: np.ndarray) -> Floats:
    """Return the variance of the target among rows with the same value."""
    free = int((count[count > 1] - 1).sum())
    return np.full(len(count), float((residuals[used] ** 2).sum()) / free)
