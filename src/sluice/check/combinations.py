"""Whether two or three numeric columns together determine the target, such as its summands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from sluice.check.strength import outcome_of, share_of_numbers
from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_COLUMNS = 40  # of a table with more columns, only the strongest are combined
_SCREENED_ROWS = 2_000
_CONFIRMED = 20  # how many of the strongest pairs are measured on all rows
_MOST_TERMS = 3
_FITTED, _HELD = slice(0, None, 2), slice(1, None, 2)
_NOTHING = 1e-4
_SAMPLING = 0.01  # how much less a pair may explain of the screened rows
_LEAST_ROWS = 50
_INFINITE = float(np.finfo(np.float64).max)
_COMPLETE = 0.8  # a linear fit uses columns with a larger share of known values


@dataclass(frozen=True)
class Combination:
    """Some columns, how they were combined, and how much of the target the combination explains.

    share: for classes, also on the scale of a column alone, see `sluice.check.strength`.
    """

    columns: tuple[str, ...]
    text: str
    strength: float
    share: float = float("nan")


def combine(numbers: DataFrame, truth: np.ndarray, classes: int) -> list[Combination]:
    """Return the strongest pairs and the best linear fit, the strongest first.

    numbers: columns of float64. truth: [n] class indices, or numbers if `classes` is 0. A pair is
    a sum, difference, absolute difference, product or ratio; its strength is rank-based: the
    squared rank correlation with the target, or the squared Gini coefficient for classes. A
    linear fit has up to three columns, of the values or of their logarithms, and fits the target or
    its logarithm; its strength is R² on rows that it was not fitted on.
    """
    if numbers.shape[1] < 2:
        return []
    values = numbers.to_numpy(np.float64)
    names = [str(name) for name in numbers.columns]
    screened = slice(_SCREENED_ROWS)
    alone = [
        association(column[screened][None], truth[screened], classes)[0] for column in values.T
    ]
    chosen = np.sort(np.argsort(-np.nan_to_num(alone), kind="stable")[:MOST_COLUMNS])
    found: list[tuple[float, int, int, str]] = []
    for i, j in combinations(chosen.tolist(), 2):
        made = _made(values[screened, i], values[screened, j])
        told = association(np.array(list(made.values())), truth[screened], classes)
        found += [(value, i, j, how) for how, value in zip(made, told, strict=True)]
    found = [entry for entry in found if np.isfinite(entry[0])]
    found.sort(key=lambda entry: -entry[0])
    confirmed = []
    for _, i, j, how in found[:_CONFIRMED]:
        pair = _made(values[:, i], values[:, j])[how]
        (told,) = association(pair[None], truth, classes)
        text = how.format(names[i], names[j])
        share = share_of_numbers(pair, outcome_of(truth, classes)) if classes else float("nan")
        confirmed.append(Combination((names[i], names[j]), text, float(told), share))
    if not classes:
        confirmed += _linear_fits(values[:, chosen], [names[k] for k in chosen], truth)
    return sorted(confirmed, key=lambda combination: -combination.strength)


def completed(
    numbers: DataFrame, name: str, truth: np.ndarray, classes: int, *, alone: float, least: float
) -> list[Combination]:
    """Return the pairs of one strong column and another that are stronger than `least`.

    A pair counts only if it leaves at most a quarter of what the strong column leaves unexplained:
    the other column is then a summand or factor of the target too. alone: how much the strong
    column explains without the other one. The other arguments are those of `combine`.
    """
    values = numbers.to_numpy(np.float64)
    names = [str(column) for column in numbers.columns]
    place = names.index(name)
    (ranked,) = np.nan_to_num(association(values[None, :, place], truth, classes))
    least = max(least, 1 - (1 - max(alone, float(ranked))) / 4)
    found = []
    for other, column in enumerate(values.T):
        if other == place:
            continue
        made = _made(values[:, place], column)
        some = np.array(list(made.values()))[:, :_SCREENED_ROWS]
        told = np.nan_to_num(association(some, truth[:_SCREENED_ROWS], classes))
        how = list(made)[int(told.argmax())]
        if told.max() < least - _SAMPLING:
            continue
        (strength,) = association(made[how][None], truth, classes)
        if strength > least:
            text = how.format(name, names[other])
            found.append(Combination((name, names[other]), text, float(strength)))
    return found


def _made(one: Floats, other: Floats) -> dict[str, Floats]:
    with np.errstate(all="ignore"):
        return {
            "{} + {}": one + other,
            "{} - {}": one - other,
            "|{} - {}|": np.abs(one - other),
            "{} * {}": one * other,
            "{} / {}": _ratio(one, other),
        }


def _ratio(one: Floats, other: Floats) -> Floats:
    """Divide; a division by zero also gives a number, so that all rows are compared."""
    found = np.nan_to_num(one / other, posinf=_INFINITE, neginf=-_INFINITE)
    return np.where(np.isnan(one) | np.isnan(other), np.nan, found)


def association(values: Floats, truth: np.ndarray, classes: int) -> Floats:
    """Return [m] squared rank associations of [m, n] values with the target; NaN if undefined."""
    from scipy.stats import rankdata

    usable = np.isfinite(values).all(axis=0)
    values, truth = values[:, usable], truth[usable]
    if len(truth) < _LEAST_ROWS or np.ptp(truth) == 0:
        return np.full(len(values), np.nan)
    ranks = rankdata(values, axis=1)
    told = _gini(ranks, truth, classes) if classes else _correlation(ranks, rankdata(truth))
    return told**2


def _correlation(ranks: Floats, target: Floats) -> Floats:
    centred, target = ranks - ranks.mean(axis=1, keepdims=True), target - target.mean()
    with np.errstate(invalid="ignore"):
        return centred @ target / np.sqrt((centred**2).sum(axis=1) * (target**2).sum())


def _gini(ranks: Floats, truth: np.ndarray, classes: int) -> Floats:
    """Return how well the values separate the classes: 1 without overlap, near 0 by chance.

    For two classes this is the Gini coefficient, |2 AUC - 1|. For more it is the covariance of the
    ranks with those that the classes would have without overlap, as a share of the largest possible
    one.
    """
    member = np.eye(classes)[truth.astype(np.intp)]
    member = member[:, member.any(axis=0)]
    count, middle = member.sum(axis=0), (len(truth) + 1) / 2
    mean = ranks @ member / count - middle
    order = np.argsort(mean, axis=1, kind="stable")
    size = count[order]
    without_overlap = np.cumsum(size, axis=1) - (size - 1) / 2 - middle
    reached = (size * np.take_along_axis(mean, order, axis=1) * without_overlap).sum(axis=1)
    return reached / (size * without_overlap**2).sum(axis=1)


def _linear_fits(values: Floats, names: list[str], truth: np.ndarray) -> Iterator[Combination]:
    complete = np.flatnonzero(np.isfinite(values).mean(axis=0) > _COMPLETE)
    values, names = values[:, complete], [names[k] for k in complete]
    usable = np.isfinite(values).all(axis=1)
    values, target = values[usable], truth[usable].astype(np.float64)
    yield from _linear_fit(values, names, target, "{} in a linear fit")
    if (target > 0).all():
        words = "{} in a linear fit of the logarithm"
        yield from _linear_fit(values, names, np.log(target), words)
        positive = np.flatnonzero((values > 0).all(axis=0))
        logs, kept = np.log(values[:, positive]), [names[k] for k in positive]
        yield from _linear_fit(logs, kept, np.log(target), "{} in a product of powers")


def _linear_fit(
    values: Floats, names: list[str], target: Floats, words: str
) -> Iterator[Combination]:
    """Choose columns one after the other (orthogonal matching pursuit; Pati et al., 1993)."""
    if len(target) < 2 * _LEAST_ROWS or len(names) < 2:
        return
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    chosen: list[int] = []
    for _ in range(min(_MOST_TERMS, len(names))):
        _, residual = _fit(scaled[:, chosen], target)
        pull = np.abs(scaled[_FITTED].T @ residual)
        pull[chosen] = -1.0
        chosen.append(int(np.argmax(pull)))
    unexplained, _ = _fit(scaled[:, chosen], target)
    for place in list(chosen):  # one that explains next to nothing is no part of the target
        rest = [k for k in chosen if k != place]
        without, _ = _fit(scaled[:, rest], target)
        if len(rest) > 1 and without <= max(2 * unexplained, _NOTHING):
            chosen = rest
    unexplained, _ = _fit(scaled[:, chosen], target)
    if np.isfinite(unexplained):
        named = [names[k] for k in sorted(chosen)]
        text = words.format(f"{', '.join(named[:-1])} and {named[-1]}")
        yield Combination(tuple(named), text, 1 - unexplained)


def _fit(columns: Floats, target: Floats) -> tuple[float, Floats]:
    """Fit half of the rows; return the share of the other half that remains unexplained, and the
    residuals of the first half. The share is NaN if the target does not vary.
    """
    matrix = np.column_stack([columns, np.ones(len(target))])
    weights = np.linalg.lstsq(matrix[_FITTED], target[_FITTED], rcond=None)[0]
    residual = target - matrix @ weights
    spread = float(((target[_HELD] - target[_FITTED].mean()) ** 2).sum())
    unexplained = float((residual[_HELD] ** 2).sum()) / spread if spread > 0 else float("nan")
    return unexplained, residual[_FITTED]
