"""Replace the splits of boosted trees on sets of categories by comparisons with thresholds.

scikit-learn splits a categorical column by a set of its codes, which skl2onnx cannot export. A set
of whole numbers is a union of intervals, so a chain of comparisons makes the same decision: each
one leaves the chain on the left, and the last one also on the right. The two subtrees below a split
are shared by the comparisons of its chain, because copying them would multiply the tree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BITS = 256  # scikit-learn's bound on the categories of a column


def replace(estimator: Any) -> None:
    """Convert histogram gradient boosting with categories to one without, in place.

    The model must have been fitted on columns of codes (0, 1, …), and scores them as before: a code
    that was not seen in training is treated like a missing value.
    """
    encoding = getattr(estimator, "_preprocessor", None)
    if encoding is None:
        return
    # scikit-learn has moved the categorical columns to the front and renumbered their codes.
    categorical = np.flatnonzero(estimator.is_categorical_)
    original = np.concatenate([categorical, np.flatnonzero(~estimator.is_categorical_)])
    codes = [seen.astype(np.intp) for seen in map(_known, encoding.transformers_[0][1].categories_)]
    for stage in estimator._predictors:
        for predictor in stage:
            predictor.nodes = _without_sets(predictor, codes)
            inner = predictor.nodes["is_leaf"] == 0
            predictor.nodes["feature_idx"][inner] = original[predictor.nodes["feature_idx"][inner]]
            predictor.raw_left_cat_bitsets = predictor.raw_left_cat_bitsets[:0]
            predictor.binned_left_cat_bitsets = predictor.binned_left_cat_bitsets[:0]
    estimator._preprocessor = estimator._is_categorical_remapped = estimator.is_categorical_ = None


def _known(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    return categories[~np.isnan(categories)]


def _without_sets(predictor: Any, codes: list[NDArray[np.intp]]) -> NDArray[np.void]:
    nodes = predictor.nodes.copy()
    added: list[NDArray[np.void]] = []
    count = len(nodes)
    for k in np.flatnonzero(nodes["is_categorical"] & (nodes["is_leaf"] == 0)):
        chain = _chain(nodes[k], _goes_left(predictor, nodes[k], codes), count)
        nodes[k] = chain[0]
        added.append(chain[1:])
        count += len(chain) - 1
    return np.concatenate([nodes, *added])


def _goes_left(predictor: Any, node: np.void, codes: list[NDArray[np.intp]]) -> NDArray[np.bool_]:
    """Whether each code goes to the left; the last entry is for all larger codes."""
    words = predictor.raw_left_cat_bitsets[node["bitset_idx"]]
    in_set = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")[:_BITS]
    seen = codes[node["feature_idx"]]
    left = np.full(int(seen.max()) + 2, bool(node["missing_go_to_left"]))
    left[seen] = in_set[: len(seen)].astype(bool)
    return left


def _chain(node: np.void, left: NDArray[np.bool_], position: int) -> NDArray[np.void]:
    """The comparisons for a split: the first one replaces it, the others start at `position`."""
    ends = np.flatnonzero(left[1:] != left[:-1])
    sides = left[ends]
    chain = np.repeat(np.array(node), len(ends))
    chain["is_categorical"] = 0
    chain["num_threshold"] = ends + 0.5
    chain["left"] = np.where(sides, node["left"], node["right"])
    chain["right"][:-1] = np.arange(position, position + len(ends) - 1)
    chain["right"][-1] = node["left"] if left[-1] else node["right"]
    # A missing value leaves the chain at the first comparison whose left side matches its own.
    own = np.flatnonzero(sides == bool(node["missing_go_to_left"]))
    chain["missing_go_to_left"] = 0
    chain["missing_go_to_left"][own[:1]] = 1
    return chain
