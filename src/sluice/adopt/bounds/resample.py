"""The spread of a statistic on a holdout of a given size, by bootstrap (Efron, 1979)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import METRICS, Floats, Predictions

_RESAMPLES = 100

# How many standard errors a bound is from its estimate.
SAFE_ERRORS = 6


def resample(
    statistic: Callable[[NDArray[np.intp]], dict[str, float]], n: int, rows: int, seed: int
) -> dict[str, Floats]:
    """Return [resamples] values of each number that `statistic` returns for some row numbers.

    The row numbers are `rows` of 0 to n - 1, drawn with replacement.
    """
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, n, rows)) for _ in range(_RESAMPLES)]
    return {name: np.array([value[name] for value in values]) for name in values[0]}


def resample_metrics(
    outcome: Predictions, names: list[str], rows: int, seed: int
) -> dict[str, Floats]:
    """Return [resamples] values of each metric on so many rows; NaN where it is undefined."""
    return resample(
        lambda chosen: {name: METRICS[name].compute(outcome.rows(chosen)) for name in names},
        len(outcome.truth),
        rows,
        seed,
    )


def round_outward(value: float, scale: float, *, up: bool) -> float:
    """Round up or down to the second significant digit of `scale`."""
    step = 10.0 ** (math.floor(math.log10(scale)) - 1) if scale > 0 else 1e-3
    rounded = (math.ceil(value / step - 1e-9) if up else math.floor(value / step + 1e-9)) * step
    return float(f"{rounded:.12g}")
