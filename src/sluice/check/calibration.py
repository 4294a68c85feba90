"""The confidence interval of the calibration error, and how reliable its upper end is.

Under the sampling of n rows, the squared error of groups of rows is about a multiple of a
noncentral chi-squared variable (Satterthwaite, Biometrics Bulletin, 1946), whose noncentrality is
the squared error of the model itself. The interval follows by inversion of this distribution.
Unlike a bootstrap, whose resampled errors always exceed 0, this also works if the true error is 0.

With few rows, the upper end is so far from 0 that a bound of a few hundredths would refuse every
model. In that case, both kinds of error are balanced: a model without any error is refused in about
15 % of cases, and one whose error is the bound passes in at most 25 %. With more rows, such a model
passes as rarely as with any other metric.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sluice.check.clusters import count as count_of
from sluice.metrics import Predictions, calibration_groups, calibration_noise
from sluice.stats.bootstrap import Clusters
from sluice.stats.groups import Interval, means

_REFUSED = 0.15  # how often a model without any error may be refused
_MOST_PASSED = 0.25  # how often a model whose error is the bound may pass


class Calibration(NamedTuple):
    """The error with its interval, and the probability that the true error is above it."""

    error: Interval
    risk: float


def calibration(
    outcome: Predictions,
    clusters: Clusters | None,
    *,
    bound: float | None,
    tail: float,
    share: float = 1.0,
) -> Calibration:
    """The calibration error of a binary model.

    bound: the largest error that is allowed, if there is a bound. tail: the probability, on each
    side, that the interval misses the true value. share: this judgement's part of the total error
    probability.
    """
    from scipy.special import chdtri, chndtr

    codes = calibration_groups(outcome.scores, None if clusters is None else count_of(clusters))
    count = int(codes.max(initial=-1)) + 1
    found = means(codes, outcome.truth - outcome.scores, count, rates=False, clusters=clusters)
    weights = np.bincount(codes, minlength=count) / len(codes)
    noise = np.maximum(found.variances, calibration_noise(outcome, codes))
    root = np.sqrt(weights)
    spread = (found.covariance - np.diag(found.variances) + np.diag(noise)) * np.outer(root, root)
    square = float((weights * found.observed**2).sum())
    total, both = float(np.trace(spread)), float((spread**2).sum())
    estimate = float(np.sqrt(max(0.0, square - total)))
    if not total:
        return Calibration(Interval(estimate, estimate, estimate), tail)
    if not np.isfinite(total):
        return Calibration(Interval(estimate, np.nan, np.nan), tail)
    unit, freedom = both / total, total**2 / both
    risk = tail
    if bound is not None:
        usual = chdtri(freedom, _REFUSED)
        risk = float(np.clip(chndtr(usual, freedom, bound**2 / unit), tail, _MOST_PASSED * share))
    low = _noncentrality(square / unit, freedom, 1 - tail)
    high = _noncentrality(square / unit, freedom, risk)
    ends = np.sqrt(np.array([low, high]) * unit)
    return Calibration(Interval(float(np.clip(estimate, *ends)), *map(float, ends)), risk)


def _noncentrality(value: float, freedom: float, probability: float) -> float:
    """The noncentrality, at least 0, at which a variable is below `value` with that probability."""
    from scipy.special import chndtr, chndtrinc

    if chndtr(value, freedom, 0.0) <= probability:
        return 0.0
    return float(chndtrinc(value, freedom, probability))
