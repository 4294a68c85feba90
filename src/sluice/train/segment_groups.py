"""Fit the models of segments in groups, one group at a time, on any machine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import Floats, Ints
from sluice.train import segment_kinds, segment_trees
from sluice.train.segment_progress import Fitted

# Number of segments in a group: a group of boosted trees takes some seconds too.
_LINEAR, _BOOSTED = 100, 10

# The encoded rows of a segment, and their true classes or numbers.
Part = tuple[Floats, NDArray[Any]]


def split(places: Ints, estimator: Any) -> list[list[Ints]]:
    """The rows of each segment, in groups of segments.

    places: [n] the index of each row's segment, or -1.
    """
    size = _BOOSTED if segment_kinds.is_boosted(estimator) else _LINEAR
    count = int(places.max()) + 1
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(count + 1))
    parts = [order[start:end] for start, end in pairwise(starts)]
    return [parts[at : at + size] for at in range(0, count, size)]


def fit(estimator: Any, parts: list[Part], least: int, classes: int) -> list[Fitted]:
    """The model of each segment; None for one with too few rows or without a class.

    classes: how many there are, all of which must occur; 0 for numbers. The result does not depend
    on the process: each model is fitted alone, with one thread.
    """
    return [_fit_one(estimator, features, truth, least, classes) for features, truth in parts]


def _fit_one(
    estimator: Any, features: Floats, truth: NDArray[Any], least: int, classes: int
) -> Fitted:
    if len(truth) < least or len(np.unique(truth)) < classes:
        return None
    if segment_kinds.is_boosted(estimator):
        features = _without_empty(features)
    return flat(segment_kinds.sized(estimator, len(truth)).fit(features, truth))


def _without_empty(features: Floats) -> Floats:
    """The matrix with 0 in the columns whose values are all missing.

    scikit-learn's boosted trees refuse such columns. No tree splits on a constant.
    """
    return np.where(np.isnan(features).all(axis=0), features.dtype.type(0), features)


def flat(fitted: Any) -> Floats:
    """A fitted model as a vector: its trees, or its coefficients and then its intercepts."""
    if segment_kinds.is_boosted(fitted):
        return segment_trees.flat(fitted)
    return np.concatenate([np.ravel(fitted.coef_), np.ravel(fitted.intercept_)])
