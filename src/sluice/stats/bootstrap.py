"""Confidence intervals by the percentile bootstrap (Efron, 1979).

Rows that belong together are drawn together (cluster bootstrap; Davison and Hinkley, 1997), because
many rows of one customer are no more evidence about other customers than one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Clusters = NDArray[np.intp]
Statistic = Callable[[Rows], dict[str, float]]

# With fewer clusters an interval is much too narrow.
FEWEST_CLUSTERS = 20
# A resample has at least this many of each, if there are so many: rows, rows of the rarest class,
# and clusters.
ENOUGH_ROWS, _ENOUGH_RARE, _ENOUGH_CLUSTERS = 50_000, 2_000, 5_000


def intervals(
    statistic: Statistic,
    n: int,
    *,
    clusters: Clusters | None = None,
    rarest: int | None = None,
    resamples: int,
    confidence: float,
    seed: int,
    doing: str,
) -> dict[str, tuple[float, float]]:
    """The interval of each value that `statistic` returns for some of n rows.

    clusters: the number of the cluster of each row, counted from 0, shape [n]; None if rows are
    independent. rarest: the rows of the rarest class, which a resample must have enough of; None
    if there are no classes. doing: the label of the progress bar. The interval is (NaN, NaN) for a
    value that is undefined (NaN) in any resample.
    """
    from tqdm import tqdm

    random = np.random.default_rng(seed)
    share = resampled_share(n, clusters, rarest)
    size = round(n * share)
    drawn = [
        statistic(draw(random, n, clusters=clusters, size=size))
        for _ in tqdm(range(resamples), doing, leave=False, disable=None)
    ]
    tail = (1 - confidence) / 2
    spans = {
        name: _between(np.array([values[name] for values in drawn]), tail) for name in drawn[0]
    }
    if share == 1:
        return spans
    whole, shrunk = statistic(np.arange(n)), math.sqrt(share)
    return {
        name: (
            whole[name] + shrunk * (low - whole[name]),
            whole[name] + shrunk * (high - whole[name]),
        )
        for name, (low, high) in spans.items()
    }


def resampled_share(n: int, clusters: Clusters | None, rarest: int | None) -> float:
    """The share of n rows that a resample has; 1 unless there are many. As in `intervals`."""
    share = ENOUGH_ROWS / n
    if rarest is not None:
        share = max(share, _ENOUGH_RARE / max(1, rarest))
    if clusters is not None:
        share = max(share, _ENOUGH_CLUSTERS / (int(clusters.max()) + 1))
    return min(1.0, share)


def draw(
    random: np.random.Generator,
    n: int,
    *,
    clusters: Clusters | None = None,
    size: int | None = None,
) -> Rows:
    """Rows drawn with replacement from n, or all rows of each of the clusters drawn.

    size: the number of rows to draw, which is exact only without clusters; n by default. The rows
    are in increasing order, which makes reading and sorting them twice as fast.
    """
    size = n if size is None else size
    if clusters is None:
        return np.sort(random.integers(0, n, size))
    count = int(clusters.max()) + 1
    chosen = random.integers(0, count, max(1, round(size * count / n)))
    return np.repeat(np.arange(n), np.bincount(chosen, minlength=count)[clusters])


def effective_size(clusters: Clusters) -> float:
    """A lower limit of the effective number of rows, given the sizes of the clusters (Kish)."""
    sizes = np.bincount(clusters)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _between(values: NDArray[np.float64], tail: float) -> tuple[float, float]:
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
