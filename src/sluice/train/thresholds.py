"""The split thresholds of tree models, as float32.

ONNX Runtime compares in float32, scikit-learn in float64. Rounding a threshold to the nearest
float32 can move it past an input, which then takes the other branch. The largest float32 that is
not above the threshold gives the same branch for every float32 input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OF_SEGMENTS = 250  # thresholds of a column


def snap(estimator: Any) -> None:
    """Move every threshold of a fitted tree model to a float32, in place.

    The leaf values of boosted trees are also rounded to float32, because the export stores them as
    float32: the pipeline and its export then add the same numbers.
    """
    for thresholds, _ in _trees(estimator):
        thresholds[:] = float32_not_above(thresholds)
    for stage in getattr(estimator, "_predictors", ()):
        for predictor in stage:
            predictor.nodes["value"] = predictor.nodes["value"].astype(np.float32)


def of_model(estimator: Any) -> dict[int, NDArray[np.float64]]:
    """The sorted distinct thresholds for each column of the model's matrix.

    Boosted trees for segments have many thresholds, so only some of each column are returned.
    """
    found: dict[int, list[NDArray[np.float64]]] = {}
    for thresholds, columns in _trees(estimator):
        for column in np.unique(columns[columns >= 0]):
            found.setdefault(int(column), []).append(thresholds[columns == column])
    if (trees := getattr(estimator, "trees_", None)) is not None:
        for column in np.unique(trees.feature[trees.feature >= 0]):
            own = np.unique(trees.threshold[trees.feature == column]).astype(np.float64)
            spread = np.linspace(0, len(own) - 1, min(len(own), _OF_SEGMENTS)).astype(np.int64)
            found[int(column)] = [own[spread]]
    return {k: np.unique(np.concatenate(v)) for k, v in sorted(found.items())}


def float32_not_above(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest float32 that is not above each value."""
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > values, below, near).astype(np.float64)


def _trees(estimator: Any) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Views of (thresholds, columns) of each tree; the column of a leaf is -1."""
    for stage in getattr(estimator, "_predictors", ()):  # histogram gradient boosting
        for predictor in stage:
            nodes = predictor.nodes
            columns = np.where(nodes["is_leaf"], -1, nodes["feature_idx"].astype(np.int64))
            yield nodes["num_threshold"], columns
    for member in np.ravel(getattr(estimator, "estimators_", ())):  # forests
        yield from _trees(member)
    tree = getattr(estimator, "tree_", None)
    if tree is not None:
        yield tree.threshold, np.where(tree.children_left < 0, -1, tree.feature)
