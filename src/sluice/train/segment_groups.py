"""The models of segments in groups, which are fitted one group at a time, on whatever machine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import Floats, Ints
from sluice.train.segment_progress import Fitted

_TOGETHER = 100  # number of segments in a group

# The encoded rows of a segment, and their true classes or numbers.
Part = tuple[Floats, NDArray[Any]]


def split(places: Ints) -> list[list[Ints]]:
    """The rows of each segment, in groups of segments.

    places: [n] the index of each row's segment, or -1.
    """
    count = int(places.max()) + 1
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(count + 1))
    parts = [order[start:end] for start, end in pairwise(starts)]
    return [parts[at : at + _TOGETHER] for at in range(0, count, _TOGETHER)]


def fit(estimator: Any, parts: list[Part], least: int, classes: int) -> list[Fitted]:
    """The model of each segment; None for one with too few rows or without a class.

    classes: how many there are, all of which must occur; 0 for numbers. The result does not depend
    on the process: each model is fitted alone, with one thread.
    """
    return [_fit_one(estimator, features, truth, least, classes) for features, truth in parts]


def _fit_one(
    estimator: Any, features: Floats, truth: NDArray[Any], least: int, classes: int
) -> Fitted:
    from sklearn.base import clone

    if len(truth) < least or len(np.unique(truth)) < classes:
        return None
    return flat(clone(estimator).fit(features, truth))


def flat(fitted: Any) -> Floats:
    """[outputs * p + outputs] the coefficients of a linear model, then the intercepts."""
    return np.concatenate([np.ravel(fitted.coef_), np.ravel(fitted.intercept_)])
