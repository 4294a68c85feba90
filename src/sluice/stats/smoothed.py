"""Columns that are means of the target, either smoothed or computed without the row itself.

A smoothed mean lies between the mean of its rows and the mean of all rows; the fewer rows it has,
the nearer it is to the mean of all rows. Two forms are in common use: additive, as in (sum + m *
prior) / (n + m), and a logistic weight that depends on n (Micci-Barreca, 2001). A mean without the
row itself (leave-one-out) is (sum - own target) / (n - 1). Each form has at most two unknown
constants, so a column that meets it exactly for many rows was computed from the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import Floats, Ints
from sluice.stats.encoded import UNITS, rounding

if TYPE_CHECKING:
    from pandas import Series

_FEWEST = 5  # groups of rows
_EXACT = 0.9  # the least share of them that must meet the form, except for rounding
_MOST = 5_000  # groups that are compared
_CANDIDATES = 60  # for the constant m
_FITS, _KEPT = 4, 0.7
_TRIED = float(np.log(1e4))  # forms, constants, keys and units, each of which could fit by chance
_MISSED = float(np.log(10))  # for each group that does not meet the form
_NEAREST = -0.99  # the correlation of a mean without the row itself with this row
_SATURATED = 1e-9


@dataclass(frozen=True)
class _Groups:
    """Values that may be means, each with the rows that it was computed from; all have shape [k].

    weight: 1 divided by the number of values that were computed from nearly the same rows.
    variance: that of the target in a group. joined: whether the rows of several groups of equal
    size may have the same value, so that they cannot be distinguished.
    """

    values: Floats
    sums: Floats
    count: Floats
    weight: Floats
    variance: float
    joined: bool = False

    def of(self, chosen: NDArray[np.bool_]) -> _Groups:
        """Return some of the groups that a mask [k] selects."""
        places = np.flatnonzero(chosen)
        places = places[:: len(places) // _MOST + 1]
        return replace(
            self,
            values=self.values[places],
            sums=self.sums[places],
            count=self.count[places],
            weight=self.weight[places],
        )


def smoothing(column: Series, outcomes: Floats, keys: Sequence[Ints], *, shares: bool) -> float:
    """Return how surely a column of numbers was computed from the target: 1 minus the probability
    that an honest column meets one of the forms as exactly.

    outcomes: [n, m], the target, or 0 and 1 for each class. keys: the values of other columns as
    whole numbers from 0, shape [n] each; the means may have been computed by one of them. shares:
    whether outcomes are classes.
    """
    numbers = column.to_numpy(np.float64)
    known = np.isfinite(numbers)
    if known.sum() < 2 * _FEWEST or np.ptp(numbers[known]) == 0:
        return 0.0
    usable = [key[known] for key in keys]
    certain = [
        _certainty(groups, priors, shares=shares)
        for unit in (UNITS if shares else UNITS[:1])
        for outcome in outcomes.T
        for priors in [[float(outcome.mean()), *([0.5] if shares else [])]]
        for groups in _divided(numbers[known] / unit, outcome[known], usable)
    ]
    return max(certain)


def _divided(values: Floats, outcome: Floats, keys: Sequence[Ints]) -> Iterator[_Groups]:
    """Divide the rows by their value, and by each key on which the value seems to depend."""
    distinct, rows = np.unique(values, return_inverse=True)
    count, sums, variance = _moments(rows, outcome)
    yield _Groups(distinct, sums, count, np.ones(len(distinct)), variance, joined=True)
    for key in keys:
        count, sums, variance = _moments(key, outcome)
        low = np.full(len(count), np.inf)
        np.minimum.at(low, key, values)
        if (low[key] == values).all():
            yield _Groups(low, sums, count, np.ones(len(count)), variance)
        elif _depends_on_own_row(values, outcome, key == count.argmax()):
            others = count[key] - 1
            yield _Groups(values, sums[key] - outcome, others, 1 / count[key], variance)


def _moments(key: Ints, outcome: Floats) -> tuple[Floats, Floats, float]:
    """Return the number of rows and the sum of the target by key, and the variance within keys."""
    count = np.bincount(key).astype(np.float64)
    sums: Floats = np.bincount(key, outcome).astype(np.float64)
    free = len(key) - (count > 0).sum()
    within = (outcome**2).sum() - (sums**2 / np.maximum(count, 1)).sum()
    return count, sums, float(within / free) if free else 0.0


def _depends_on_own_row(values: Floats, outcome: Floats, group: NDArray[np.bool_]) -> bool:
    """Whether, in the largest group, the value falls by the same amount as the target rises."""
    one, other = values[group], outcome[group]
    if len(one) < _FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return False
    return float(np.corrcoef(one, other)[0, 1]) < _NEAREST


def _certainty(groups: _Groups, priors: Sequence[float], *, shares: bool) -> float:
    usable = groups.count > 1
    if shares:  # the mean of rows of the same class is known without the column
        usable &= (groups.sums > 0) & (groups.sums < groups.count)
    if usable.sum() < _FEWEST or groups.variance <= 0:
        return 0.0
    tolerance = rounding(groups.values[usable])  # keys without a row have no value
    groups = groups.of(usable)
    with np.errstate(all="ignore"):
        chances = [_additive(groups, prior, tolerance) for prior in priors]
        chances.append(_logistic(groups, priors[0], tolerance))
    return float(-np.expm1(min(0.0, min(chances) + _TRIED)))


def _additive(groups: _Groups, prior: float, tolerance: float) -> float:
    """Return the logarithm of the probability for (sum + m * prior) / (n + m)."""
    found = (groups.sums - groups.count * groups.values) / (groups.values - prior)
    positive = found[np.isfinite(found) & (found > 0)]
    tried = np.array([0.0])
    if len(positive):
        steps = np.linspace(0, 1, min(_CANDIDATES, len(positive)))
        some = np.quantile(positive, steps, method="nearest")
        tried = np.unique([0.0, *some, *some.round()])
    chances = []
    for m in tried if not groups.joined else tried[1:]:
        times = np.ones(len(found))
        if groups.joined:
            times = np.nan_to_num(found / m, nan=1.0, posinf=1.0, neginf=1.0).round().clip(1)
        size = groups.count + times * m
        means = (groups.sums + times * m * prior) / size
        spread = np.sqrt(groups.count * groups.variance) / size
        chances.append(_chance(groups, means, spread / times**2, tolerance))
    return min(chances, default=0.0)


def _logistic(groups: _Groups, prior: float, tolerance: float) -> float:
    """Return the logarithm of the probability for w * mean + (1 - w) * prior, where the log odds of
    w are linear in n.
    """
    means = groups.sums / groups.count
    share = (groups.values - prior) / (means - prior)
    usable = (share > _SATURATED) & (share < 1 - _SATURATED)
    odds = np.log(share / (1 - share))
    weight = np.abs(means - prior) * share * (1 - share)
    best = 0.0
    for _ in range(_FITS):
        if usable.sum() < _FEWEST or np.ptp(groups.count[usable]) == 0:
            break
        slope, start = np.polyfit(groups.count[usable], odds[usable], 1, w=weight[usable])
        taken = 1 / (1 + np.exp(-(slope * groups.count + start)))
        predicted = prior + taken * (means - prior)
        spread = taken * np.sqrt(groups.variance / groups.count)
        best = min(best, _chance(groups, predicted, spread, tolerance))
        gap = np.abs(predicted - groups.values)
        usable &= gap <= np.quantile(gap[usable], _KEPT)
    return best


def _chance(groups: _Groups, means: Floats, spread: Floats, tolerance: float) -> float:
    """Return the logarithm of the probability that so many values equal these means.

    spread: the standard deviation of the means of rows that an honest column predicts without bias.
    """
    meets = np.abs(means - groups.values) <= tolerance
    missed = float(groups.weight[~meets].sum())
    if missed > (1 - _EXACT) * groups.weight.sum():
        return 0.0
    each = np.minimum(0.0, np.log(2 * tolerance / (np.sqrt(2 * np.pi) * spread)))
    each = np.sort((groups.weight * np.nan_to_num(each))[meets])
    constants = 2 if groups.weight.min() == 1 else 2 * round(1 / groups.weight.min())
    return float(each[constants:].sum()) + missed * _MISSED
