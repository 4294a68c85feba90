"""Confidence intervals for the largest difference, and the smallest ratio, of the means of groups.

The largest of many differences is too large by chance, and so are its resamples. The intervals here
come from the pairs of groups instead:

- The end that decides a `pass` is the most extreme one of all pairs. This end needs no correction
  for the number of pairs: the largest difference exceeds a bound only if that of some pair does,
  and the interval of this pair misses the bound with the probability `tail` (intersection-union
  test; Berger, Technometrics, 1982).
- The end that decides a `fail` may be that of any pair, so each pair gets its share of `tail`
  (Bonferroni's inequality; Dunn, JASA, 1961).
- The estimate uses shrunken means: chance has spread them, and shrinkage removes that spread (Efron
  and Morris, JASA, 1975; Louis, JASA, 1984). Without shrinkage, the estimate would be far too large
  (Lum, Zhang and Bower, FAccT, 2022).
- One additional success and failure in each group keep the intervals of rates valid in small groups
  (Agresti and Caffo, The American Statistician, 2000). The degrees of freedom are Welch's
  (Biometrika, 1947), and the interval of a ratio is Fieller's (JRSS B, 1954).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


class Interval(NamedTuple):
    """An estimate and its confidence interval; NaN if some group has too few rows."""

    estimate: float
    low: float
    high: float


UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Means:
    """The means of k groups.

    observed: [k] means of the rows. centers: [k] middles of their intervals. covariance: [k, k].
    members: [k] how many independent rows, or clusters of rows, each group has.
    """

    observed: Floats
    centers: Floats
    covariance: Floats
    members: Floats

    @property
    def variances(self) -> Floats:
        """[k] the variance of each mean."""
        return np.diag(self.covariance)

    @property
    def defined(self) -> bool:
        """Whether there are two groups or more, all with a finite variance."""
        return len(self.observed) > 1 and bool(np.isfinite(self.covariance).all())


def means(
    codes: Codes, values: Floats, groups: int, *, rates: bool, clusters: Codes | None = None
) -> Means:
    """The means of n rows by group. codes: [n] the groups. values: [n], only 0 and 1 for rates.

    clusters: [n] the number of the cluster of each row; None if rows are independent.
    """
    n = np.bincount(codes, minlength=groups).astype(float)
    total = np.bincount(codes, values, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = total / n
    off = (values - observed[codes]) / n[codes]
    if clusters is None:
        members = n
        covariance = np.diag(np.bincount(codes, off**2, groups) * _correction(members))
    else:
        number = np.unique(clusters, return_inverse=True)[1]
        each = number * groups + codes
        members = np.bincount(np.unique(each) % groups, minlength=groups).astype(float)
        size = (int(number.max(initial=-1)) + 1) * groups
        sums = np.bincount(each, off, size).reshape(-1, groups)
        scale = np.sqrt(_correction(members))
        covariance = sums.T @ sums * np.outer(scale, scale)
    if not rates:
        return Means(observed, observed, covariance, members)
    # The sample variance of a rate of 0 is 0, although a few rows do not determine the rate
    # exactly.
    centers = np.where(n > 0, (total + 1) / (n + 2), np.nan)
    least = centers * (1 - centers) / (n + 2)
    own = least if clusters is None else np.maximum(np.diag(covariance), least)
    return Means(
        observed, centers, covariance - np.diag(np.diag(covariance)) + np.diag(own), members
    )


def _correction(members: Floats) -> Floats:
    """The factor that makes a sample variance unbiased; NaN for a single member."""
    return np.divide(members, members - 1, out=np.full(len(members), np.nan), where=members > 1)


def each(found: Means, tail: float) -> list[Interval]:
    """The mean of every group. tail: the probability that an interval misses the true value on one
    side.
    """
    with np.errstate(invalid="ignore"):
        half = _quantile(found.members - 1, tail) * np.sqrt(found.variances)
    ends = zip(found.observed, found.centers - half, found.centers + half, strict=True)
    return [Interval(*map(float, one)) for one in ends]


def largest_difference(found: Means, tail: float) -> Interval:
    """The largest difference between the means of two groups."""
    if not found.defined:
        return UNDEFINED
    i, j = _pairs(found)
    difference = found.centers[i] - found.centers[j]
    error = np.sqrt(_variance(found, i, j))
    freedom = _freedom(found, i, j)
    high = float((difference + _quantile(freedom, tail) * error).max())
    low = float((difference - _quantile(freedom, tail / len(i)) * error).max())
    estimate = float(np.ptp(_shrunk(found)))
    low = max(0.0, low)
    return Interval(min(max(estimate, low), high), low, high)


def smallest_ratio(found: Means, tail: float) -> Interval:
    """The smallest ratio of two groups' means; undefined if one is negative, or all are 0."""
    if not found.defined or (found.observed < 0).any() or not found.observed.any():
        return UNDEFINED
    i, j = _pairs(found)
    low = float(_fieller(found, i, j, tail)[0].min())
    high = min(1.0, float(_fieller(found, i, j, tail / len(i))[1].min()))
    shrunk = _shrunk(found)
    estimate = float(shrunk.min() / shrunk.max())
    return Interval(min(max(estimate, low), high), low, high)


def _pairs(found: Means) -> tuple[Codes, Codes]:
    """All ordered pairs of different groups."""
    i, j = np.nonzero(~np.eye(len(found.observed), dtype=bool))
    return i, j


def _variance(found: Means, i: Codes, j: Codes) -> Floats:
    variance = found.variances[i] + found.variances[j] - 2 * found.covariance[i, j]
    return np.maximum(variance, 0.0)


def _freedom(found: Means, i: Codes, j: Codes) -> Floats:
    squares = found.variances**2 / np.maximum(found.members - 1, 1)
    both = squares[i] + squares[j]
    own = (found.variances[i] + found.variances[j]) ** 2
    return np.divide(own, both, out=np.full(len(i), np.inf), where=both > 0)


def _fieller(found: Means, i: Codes, j: Codes, tail: float) -> tuple[Floats, Floats]:
    """The ends of the intervals of the ratios of means i to means j, from 0 to infinity."""
    square = _quantile(_freedom(found, i, j), tail) ** 2
    above, below, joint = found.variances[i], found.variances[j], found.covariance[i, j]
    a = found.centers[j] ** 2 - square * below
    b = found.centers[i] * found.centers[j] - square * joint
    c = found.centers[i] ** 2 - square * above
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
        low = np.where(a > 0, np.maximum((b - root) / a, 0.0), 0.0)
        high = np.where(a > 0, (b + root) / a, np.inf)
    return low, high


def _shrunk(found: Means) -> Floats:
    """The means, shrunk towards each other to remove the spread due to chance."""
    spread = max(0.0, float(found.observed.var(ddof=1)) - float(found.variances.mean()))
    total = spread + found.variances
    if not spread:
        return np.full(len(total), found.observed.mean())
    middle = float((found.observed / total).sum() / (1 / total).sum())
    return np.asarray(middle + np.sqrt(spread / total) * (found.observed - middle), np.float64)


def _quantile(freedom: Floats, tail: float) -> Floats:
    """The value that Student's t exceeds with the probability `tail`."""
    from scipy.special import ndtri, stdtrit

    known = np.isfinite(freedom)
    safe = np.where(known, np.maximum(freedom, 1e-9), 1.0)
    return np.where(known, stdtrit(safe, 1 - tail), -ndtri(tail))
