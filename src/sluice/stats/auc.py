"""How well scores distinguish two samples: the area under the ROC curve, and its variance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def of(first: Floats, second: Floats) -> tuple[float, float]:
    """The probability that a score of `second` exceeds one of `first`, and its standard error.

    DeLong's variance, computed from ranks (Sun and Xu, IEEE Signal Processing Letters, 2014,
    doi:10.1109/LSP.2014.2337313).
    """
    from scipy.stats import rankdata

    m, n = len(second), len(first)
    ranks = rankdata(np.concatenate([second, first]))
    above = (ranks[:m] - rankdata(second)) / n
    below = 1 - (ranks[m:] - rankdata(first)) / m
    area = float(above.mean())
    variance = float(np.var(above, ddof=1)) / m + float(np.var(below, ddof=1)) / n
    return area, math.sqrt(variance)


def exceeds_half(area: float, error: float) -> float:
    """The one-sided p-value of the hypothesis that the scores do not distinguish the samples."""
    from scipy.special import ndtr

    if not error:
        return 0.0 if area > 0.5 else 1.0
    return float(ndtr((0.5 - area) / error))
