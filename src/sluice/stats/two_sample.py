"""Tests whether two samples come from one distribution, from the counts of their bins.

Counts may be scaled to the number of independent rows, so they need not be whole numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_EXPECTED = 5.0  # the rows in each bin and sample that the chi-squared approximation needs


@dataclass(frozen=True)
class Difference:
    """The chi-squared statistic of two samples' bins, its degrees of freedom, and its rows.

    rows: the effective number n0*n1/(n0+n1). statistic/rows estimates the size of the difference:
    approximately the population stability index, or the square of the mean's shift in standard
    deviations.
    """

    statistic: float
    freedom: int
    rows: float

    @property
    def size(self) -> float:
        """The size of the difference without the contribution of chance, at least 0."""
        if not self.rows:
            return 0.0
        return max(0.0, (self.statistic - self.freedom) / self.rows)


def merge(first: Floats, second: Floats, *, ordered: bool) -> tuple[Floats, Floats]:
    """Merge bins until each is expected to have at least 5 rows in both samples.

    ordered: neighbours are merged, otherwise the rarest bins. Returns both samples' counts.
    """
    total = first + second
    least = min(first.sum(), second.sum()) / max(total.sum(), 1.0)
    expected = total * least
    if ordered:
        groups = _neighbours(expected)
    else:
        order = np.argsort(-total, kind="stable")
        groups = np.empty(len(total), np.intp)
        groups[order] = _neighbours(expected[order])
    count = int(groups.max(initial=-1)) + 1
    merged = np.zeros((2, count))
    np.add.at(merged[0], groups, first)
    np.add.at(merged[1], groups, second)
    return merged[0], merged[1]


def _neighbours(expected: Floats) -> NDArray[np.intp]:
    """The group of each bin, so that each group expects enough rows; the last ones join a
    neighbour.
    """
    groups, group, held = np.empty(len(expected), np.intp), 0, 0.0
    for at, size in enumerate(expected):
        groups[at] = group
        held += size
        if held >= _LEAST_EXPECTED:
            group, held = group + 1, 0.0
    if group and held < _LEAST_EXPECTED:
        groups[groups == group] = group - 1
    return groups


def chi_squared(first: Floats, second: Floats) -> Difference:
    """Pearson's statistic of homogeneity; bins without rows are left out."""
    n0, n1 = float(first.sum()), float(second.sum())
    total = first + second
    seen = total > 0
    if not n0 or not n1 or seen.sum() < 2:
        return Difference(0.0, max(1, int(seen.sum()) - 1), n0 * n1 / (n0 + n1) if n0 + n1 else 0.0)
    shares = (first[seen] / n0 - second[seen] / n1) ** 2 / (total[seen] / (n0 + n1))
    rows = n0 * n1 / (n0 + n1)
    return Difference(rows * float(shares.sum()), int(seen.sum()) - 1, rows)


def any_difference(found: Difference) -> float:
    """The p-value of the chi-squared test, with the hypothesis of no difference."""
    from scipy.special import chdtrc

    return float(chdtrc(found.freedom, found.statistic))


def larger_difference(found: Difference, floor: float) -> float:
    """The p-value of the minimum-effect test, with the hypothesis of a difference of at most
    `floor`.

    The statistic of a difference of size `floor` follows the noncentral chi-squared distribution
    with noncentrality rows*floor (Population Resemblance Statistic, arXiv:2307.11878).
    """
    from scipy.special import chndtr

    # Exact to 1e-15, which is enough; importing scipy.stats takes longer than everything else here.
    return max(0.0, 1 - float(chndtr(found.statistic, found.freedom, found.rows * floor)))


def larger_share(first: tuple[float, float], second: tuple[float, float], floor: float) -> float:
    """The p-value of the hypothesis that a rare kind of row increased by at most `floor`.

    first, second: the rows of this kind, too few for the chi-squared test, and all rows of each
    sample. Under the hypothesis, the second sample's rows of this kind are binomial, with the share
    whose difference from the first sample's has the size `floor`.
    """
    from scipy.special import bdtrc

    (k0, n0), (k1, n1) = first, second
    share = small_share((k0 + 0.5) / (n0 + 1), n0, n1, floor)
    least = math.ceil(k1) - 1
    return float(bdtrc(least, max(1, round(n1)), share)) if least >= 0 else 1.0


def small_share(share: float, n0: float, n1: float, floor: float) -> float:
    """The larger share whose difference from `share` has the size `floor` in samples of n0, n1."""
    own, rest = n1 / (n0 + n1), n0 / (n0 + n1) * share
    # (other - share)^2 = floor * pooled * (1 - pooled) with pooled = rest + own * other.
    a = 1 + floor * own**2
    b = -2 * share - floor * own * (1 - 2 * rest)
    c = share**2 - floor * rest * (1 - rest)
    return min(1.0, (-b + math.sqrt(max(0.0, b * b - 4 * a * c))) / (2 * a))


def wilcoxon(first: Floats, second: Floats) -> float:
    """The p-value of the rank-sum test of values of which only the bin is known.

    Rows of one bin are ties, for which the variance is corrected (Lehmann, Nonparametrics, 1975).
    """
    from scipy.special import ndtr

    n0, n1 = float(first.sum()), float(second.sum())
    total, n = first + second, n0 + n1
    if not n0 or not n1:
        return 1.0
    ranks = np.cumsum(total) - total / 2 + 0.5
    variance = n0 * n1 / 12 * (n + 1 - float((total**3 - total).sum()) / (n * (n - 1)))
    if variance <= 0:
        return 1.0
    z = (float((first * ranks).sum()) - n0 * (n + 1) / 2) / math.sqrt(variance)
    return 2 * float(ndtr(-abs(z)))


def combine(values: Floats) -> float:
    """Combine p-values with any dependence between them: the Cauchy combination.

    Liu and Xie, Journal of the American Statistical Association, 2020,
    doi:10.1080/01621459.2018.1554485.
    """
    values = np.clip(values, 1e-300, 1 - 1e-15)
    # tan(pi*(1/2-p)) is 1/tan(pi*p), which keeps small p-values exact.
    statistic = float((1 / np.tan(np.pi * values)).mean())
    if statistic > 1e8:  # the tail of the Cauchy distribution
        return 1 / (np.pi * statistic)
    return 0.5 - math.atan(statistic) / np.pi


def rejected(values: Floats, alpha: float) -> NDArray[np.bool_]:
    """Which hypotheses are rejected at the false discovery rate alpha.

    Benjamini and Hochberg, Journal of the Royal Statistical Society B, 1995.
    """
    order = np.argsort(values, kind="stable")
    limits = alpha * np.arange(1, len(values) + 1) / max(1, len(values))
    within = np.flatnonzero(values[order] <= limits)
    found = np.zeros(len(values), bool)
    if len(within):
        found[order[: within[-1] + 1]] = True
    return found


def finds_difference(
    rows: float, freedom: int, *, size: float, floor: float, alpha: float
) -> float:
    """The probability that `larger_difference` finds a difference of `size` in so many effective
    rows.
    """
    from scipy.special import chndtr, chndtrix

    limit = float(chndtrix(1 - alpha, freedom, rows * floor))
    return 1 - float(chndtr(limit, freedom, rows * size))


def rows_needed(
    reference: int, freedom: int, *, size: float, floor: float, alpha: float, power: float = 0.8
) -> int | None:
    """How many rows of the second sample find a difference of `size` with this power.

    None if no number of rows does, because the first sample is too small.
    """

    def finds(rows: int) -> bool:
        effective = reference * rows / (reference + rows)
        return finds_difference(effective, freedom, size=size, floor=floor, alpha=alpha) >= power

    high = 8
    while not finds(high):
        high *= 2
        if high > 10**9:
            return None
    low = high // 2
    while high - low > max(1, low // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return high
