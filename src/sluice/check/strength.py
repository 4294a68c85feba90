"""How much of the target a column explains, on rows that it was not fitted on.

One scale serves every task: the share of the target's squared error that disappears when the column
is known. For classes this is one minus the ratio of two Brier scores. For numbers the target is
replaced by its ranks first, so that its logarithm also counts as a copy. A column with no more
values than there are classes can be a copy with errors, so its agreement with the target beyond
chance is also measured (Cohen, 1960).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sluice.labels import MISSING
from sluice.metrics import Floats, Ints

if TYPE_CHECKING:
    from pandas import Series

_LEAVES, _LEAST_LEAF = 128, 5
_LARGEST = float(np.finfo(np.float32).max) / 1e6  # a sum of such numbers is finite too
# A column with fewer known values is not judged alone.
_LEAST_KNOWN = 50


def outcome_of(truth: np.ndarray, classes: int) -> Floats:
    """Return what is to be explained: [n, classes] of 0 and 1, or [n, 1] ranks of numbers."""
    if classes:
        return np.eye(classes)[truth.astype(np.intp)]
    from scipy.stats import rankdata

    return rankdata(truth)[:, None] / len(truth)


def strength(column: Series, outcome: Floats) -> float:
    """Return the share of `outcome` that one column of a typed table explains, at most 1.

    Missing values count as a value of their own. A column that is a copy except for missing values
    is as strong as a complete copy. NaN if the outcome is the same in every row.
    """
    numbers = column.to_numpy(np.float64) if column.dtype.kind == "f" else None
    known = ~np.isnan(numbers) if numbers is not None else (column != MISSING).to_numpy()
    found = [_explained(column, outcome)]
    if _LEAST_KNOWN <= known.sum() < len(known):
        found.append(_explained(column[known], outcome[known]))
    if numbers is not None and outcome.shape[1] == 1 and known.sum() >= _LEAST_KNOWN:
        found.append(_rank_correlation(numbers[known], outcome[known, 0]) ** 2)
    if outcome.shape[1] > 1 and known.sum() >= _LEAST_KNOWN:
        found.append(_agreement(column[known], outcome[known]))
    known_values = [value for value in found if np.isfinite(value)]
    return max(known_values, default=float("nan"))


def strength_of_levels(levels: Ints, outcome: Floats) -> float:
    """Return the share of `outcome` that [n] whole numbers from 0 explain."""
    return _cross_fitted(lambda fitted, held: _level_means(levels, outcome, fitted, held), outcome)


def _explained(column: Series, outcome: Floats) -> float:
    if column.dtype.kind != "f":
        # An array of texts in numpy would give every row the space of the longest text.
        return strength_of_levels(column.factorize(use_na_sentinel=False)[0], outcome)
    return share_of_numbers(column.to_numpy(np.float64), outcome)


def share_of_numbers(numbers: Floats, outcome: Floats) -> float:
    """Return the share of `outcome` that [n] numbers explain."""
    # Trees accept only finite float32 numbers.
    values = np.clip(numbers, -_LARGEST, _LARGEST).astype(np.float32)[:, None]

    def predict(fitted: Ints, held: Ints) -> Floats:
        from sklearn.tree import DecisionTreeRegressor

        tree = DecisionTreeRegressor(
            max_leaf_nodes=_LEAVES, min_samples_leaf=_LEAST_LEAF, random_state=0
        )
        return tree.fit(values[fitted], outcome[fitted]).predict(values[held])

    return _cross_fitted(predict, outcome)


def _level_means(
    levels: np.ndarray, outcome: Floats, fitted: np.ndarray, held: np.ndarray
) -> Floats:
    """Return the mean outcome of each row's level; that of a rare level is shrunk to the overall
    mean.
    """
    size = int(levels.max()) + 1
    count = np.bincount(levels[fitted], minlength=size)[:, None]
    sums = np.column_stack([np.bincount(levels[fitted], part, size) for part in outcome[fitted].T])
    return ((sums + outcome[fitted].mean(axis=0)) / (count + 1))[levels[held]]


def _cross_fitted(predict: Callable[[Ints, Ints], Floats], outcome: Floats) -> float:
    """Return the explained share, each half of the rows predicted from the other half."""
    rows = np.random.default_rng(0).permutation(len(outcome))
    halves = np.array_split(rows, 2)
    error = spread = 0.0
    for fitted, held in (halves, halves[::-1]):
        predicted = np.asarray(predict(fitted, held)).reshape(len(held), -1)
        error += float(((outcome[held] - predicted) ** 2).sum())
        spread += float(((outcome[held] - outcome[fitted].mean(axis=0)) ** 2).sum())
    return 1 - error / spread if spread > 0 else float("nan")


def _agreement(column: Series, outcome: Floats) -> float:
    """Return Cohen's kappa of the classes and the most frequent class of each row's value.

    NaN for a column with more values than there are classes.
    """
    values, codes = np.unique(column.to_numpy(), return_inverse=True)
    classes = outcome.shape[1]
    if not 1 < len(values) <= classes:
        return float("nan")
    counts = np.zeros((len(values), classes))
    np.add.at(counts, codes, outcome)
    shares = counts / len(column)
    taken = shares.argmax(axis=1)
    predicted = np.bincount(taken, shares.sum(axis=1), classes)
    by_chance = float(predicted @ shares.sum(axis=0))
    agreed = float(shares.max(axis=1).sum())
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def _rank_correlation(values: Floats, outcome: Floats) -> float:
    from scipy.stats import rankdata

    ranks, target = rankdata(values), rankdata(outcome)
    if np.ptp(ranks) == 0 or np.ptp(target) == 0:
        return float("nan")
    return float(np.corrcoef(ranks, target)[0, 1])
