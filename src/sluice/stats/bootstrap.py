"""Confidence intervals by resampling rows (percentile bootstrap; Efron, 1979)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Statistic = Callable[[Rows], dict[str, float]]


def intervals(
    statistic: Statistic, n: int, *, resamples: int, confidence: float, seed: int, doing: str
) -> dict[str, tuple[float, float]]:
    """The interval of each value that `statistic` gives for chosen rows of n.

    A value that is undefined (NaN) in any resample has no interval: NaN, NaN.
    """
    from tqdm import tqdm

    random = np.random.default_rng(seed)
    drawn = [
        statistic(resample(random, n))
        for _ in tqdm(range(resamples), doing, leave=False, disable=None)
    ]
    tail = (1 - confidence) / 2
    return {name: _between(np.array([values[name] for values in drawn]), tail) for name in drawn[0]}


def resample(random: np.random.Generator, n: int) -> Rows:
    """[n] rows drawn with replacement, in rising order: reading and sorting are twice as fast."""
    times = np.bincount(random.integers(0, n, n), minlength=n)
    return np.repeat(np.arange(n), times)


def _between(values: NDArray[np.float64], tail: float) -> tuple[float, float]:
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
