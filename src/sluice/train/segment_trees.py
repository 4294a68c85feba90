"""Boosted trees of many models as plain arrays.

skops needs minutes for as many objects of scikit-learn as there are segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import Floats, Ints
from sluice.train import category_splits, thresholds

_FIELDS = 6  # numbers of a node: column, threshold, left, right, value, missing goes left
_LEAF = -1  # in place of the column


@dataclass
class Trees:
    """The trees of m models: up to r for each of k outputs.

    roots: [m, r, k] the node where a tree starts, or -1 if the model has fewer trees. The other
    arrays describe the nodes, those of one round and output together. A row goes to `left` if its
    value in column `feature` is at most `threshold`, or if it is missing and `missing_left` is
    true; otherwise it goes to `right`. A leaf has the feature -1 and adds `value`.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    missing_left: NDArray[np.bool_]

    def add(self, features: Floats, models: Ints, sums: Floats) -> None:
        """Add the values of n rows by these models to `sums` [n, k], one round after another."""
        _, rounds, outputs = self.roots.shape
        for at in range(rounds):
            for output in range(outputs):
                nodes = self.roots[models, at, output]
                rows = np.flatnonzero(nodes >= 0)
                leaves = self._leaves(features, rows, nodes[rows])
                sums[rows, output] += self.value[leaves]

    def _leaves(self, features: Floats, rows: Ints, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """The leaf that each of these rows reaches from its node."""
        active = np.flatnonzero(self.feature[nodes] >= 0)
        while len(active):
            at = nodes[active]
            given = features[rows[active], self.feature[at]]
            left = np.where(np.isnan(given), self.missing_left[at], given <= self.threshold[at])
            nodes[active] = np.where(left, self.left[at], self.right[at])
            active = active[self.feature[nodes[active]] >= 0]
        return nodes


def flat(fitted: Any) -> Floats:
    """A fitted histogram gradient boosting as one vector, the form in which it is stored and sent.

    The vector has the numbers of outputs and of rounds, the start of each output, the number of
    nodes of each tree, and the nodes. Splits and values are converted in place to those of the
    export.
    """
    category_splits.replace(fitted)
    thresholds.snap(fitted)
    trees = [predictor.nodes for stage in fitted._predictors for predictor in stage]
    start = np.ravel(fitted._baseline_prediction)
    head = [len(start), len(fitted._predictors), *start, *map(len, trees)]
    return np.concatenate([np.array(head, np.float64), *map(_numbers, trees)])


def _numbers(nodes: NDArray[np.void]) -> Floats:
    """[n * 6] the nodes of one tree."""
    leaf = nodes["is_leaf"] != 0
    columns = [
        np.where(leaf, _LEAF, nodes["feature_idx"]),
        np.where(leaf, 0, nodes["num_threshold"]),
        np.where(leaf, 0, nodes["left"]),
        np.where(leaf, 0, nodes["right"]),
        np.where(leaf, nodes["value"], 0),
        np.where(leaf, 0, nodes["missing_go_to_left"]),
    ]
    return np.ravel(np.column_stack(columns)).astype(np.float64)


def together(models: Sequence[Floats | None]) -> tuple[Trees, Floats]:
    """The trees of all models, and [m, k] the start of each output.

    models: the vectors of `flat`; None for a model without trees.
    """
    known = {at: _parts(one) for at, one in enumerate(models) if one is not None}
    outputs = next(len(starts) for starts, _ in known.values())
    rounds = max(len(trees) // outputs for _, trees in known.values())
    starts = np.zeros((len(models), outputs))
    roots = np.full((len(models), rounds, outputs), -1, np.int32)
    nodes, count = [], 0
    for place in range(rounds * outputs):
        for at, (start, trees) in known.items():
            if place == 0:
                starts[at] = start
            if place < len(trees):
                moved = trees[place].copy()
                moved[moved[:, 0] != _LEAF, 2:4] += count
                roots[at, place // outputs, place % outputs] = count
                nodes.append(moved)
                count += len(moved)
    table = np.concatenate(nodes)
    made = Trees(
        roots,
        feature=table[:, 0].astype(np.int32),
        threshold=table[:, 1].astype(np.float32),
        left=table[:, 2].astype(np.int32),
        right=table[:, 3].astype(np.int32),
        value=table[:, 4].astype(np.float32),
        missing_left=table[:, 5].astype(np.bool_),
    )
    return made, starts


def _parts(vector: Floats) -> tuple[Floats, list[Floats]]:
    """The starts of the outputs, and the nodes [n, 6] of each tree, round by round.

    Whatever follows the last tree is ignored, because vectors are kept with the same length.
    """
    outputs, rounds = map(int, vector[:2])
    starts, sizes = np.split(vector[2 : 2 + outputs + rounds * outputs], [outputs])
    ends = np.cumsum(sizes.astype(np.int64)) * _FIELDS
    nodes = vector[2 + outputs + rounds * outputs :][: ends[-1]]
    return starts, [one.reshape(-1, _FIELDS) for one in np.split(nodes, ends[:-1])]
