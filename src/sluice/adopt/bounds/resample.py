"""The spread of a statistic on a holdout of a given size, by bootstrap (Efron, 1979)."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np

from sluice.metrics import METRICS, Floats, Predictions
from sluice.stats.bootstrap import Clusters, Rows, draw

Key = TypeVar("Key", bound=Hashable)

_RESAMPLES = 200  # with heavy tails, fewer resamples would contain the extreme rows too seldom

# How many standard errors a bound is from its estimate.
SAFE_ERRORS = 6
# A rate may be wrong by this many rows even if resampling shows no error. If no case was observed,
# up to three are plausible ("rule of three", Hanley and Lippman-Hand, 1983), and the upper
# confidence limit of three is three plus twice its square root.
POSSIBLE_ERRORS = 3 + 2 * math.sqrt(3)


def resample(
    statistic: Callable[[Rows], dict[Key, float]],
    n: int,
    rows: int,
    seed: int,
    clusters: Clusters | None,
) -> dict[Key, Floats]:
    """Return [resamples] values of each number that `statistic` returns for some row numbers.

    About `rows` row numbers from 0 to n - 1 are drawn with replacement. clusters: the number
    of the group of each row, if entire groups are to be drawn.
    """
    random = np.random.default_rng(seed)
    drawn = [draw(random, n, clusters=clusters, size=rows) for _ in range(_RESAMPLES)]
    values = [statistic(chosen) for chosen in drawn]
    return {name: np.array([value[name] for value in values]) for name in values[0]}


def resample_metrics(
    outcome: Predictions, names: list[str], rows: int, seed: int, clusters: Clusters | None
) -> dict[str, Floats]:
    """Return [resamples] values of each metric on that many rows; NaN where it is undefined."""
    return resample(
        lambda chosen: {name: METRICS[name].compute(outcome.rows(chosen)) for name in names},
        len(outcome.truth),
        rows,
        seed,
        clusters,
    )


def round_outward(value: float, scale: float, *, up: bool) -> float:
    """Round up or down to the second significant digit of `scale`."""
    step = 10.0 ** (math.floor(math.log10(scale)) - 1) if scale > 0 else 1e-3
    rounded = (math.ceil(value / step - 1e-9) if up else math.floor(value / step + 1e-9)) * step
    return float(f"{rounded:.12g}")
