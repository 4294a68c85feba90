"""Which estimators can be fitted for each segment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sluice.errors import SluiceError

# The losses whose predictions are the sums of the trees themselves.
_LOSSES = ("log_loss", "squared_error", "absolute_error", "quantile")

MOST_NODES = 8_000_000
NODE_BYTES = 500  # of memory, for each node of a model that is exported or loaded


def is_linear(estimator: Any) -> bool:
    """Whether it is one of the linear models that segments can have."""
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

    return isinstance(estimator, (LogisticRegression, Ridge, LinearRegression))


def is_boosted(estimator: Any) -> bool:
    """Whether it is scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return isinstance(estimator, (HistGradientBoostingClassifier, HistGradientBoostingRegressor))


def require(estimator: Any) -> None:
    """Raise SluiceError if the estimator cannot be fitted for each segment."""
    name = type(estimator).__name__
    if not (is_linear(estimator) or is_boosted(estimator)):
        raise SluiceError(
            "data.segments in params.yaml: only linear models and scikit-learn's "
            f"HistGradientBoosting can be trained for each segment, not {name}; remove the others "
            "under candidates"
        )
    if is_boosted(estimator) and estimator.loss not in _LOSSES:
        raise SluiceError(
            f"data.segments in params.yaml: boosted trees with the loss {estimator.loss!r} cannot "
            f"be trained for each segment; expected one of {', '.join(_LOSSES)}"
        )


def own_of(estimator: Any, trees: int) -> Any:
    """The unfitted estimator of the segments. trees: the largest number of rounds.

    The number of rounds that suits the model for all rows says little about a segment. Nothing is
    set aside to stop early, because the rows of a segment are few.
    """
    from sklearn.base import clone

    own = clone(estimator)
    if is_boosted(own):
        own.set_params(early_stopping=False, max_iter=trees)
    return own


def sized(own: Any, rows: int) -> Any:
    """An unfitted copy for a segment with this many rows: few rows get fewer, smaller trees."""
    from sklearn.base import clone

    made = clone(own)
    return made.set_params(**_size(own, rows)) if is_boosted(own) else made


def _size(own: Any, rows: int) -> dict[str, int]:
    return {
        "max_iter": max(1, min(own.max_iter, rows // 5)),
        "max_leaf_nodes": min(own.max_leaf_nodes or 31, max(4, rows // 50)),
        "min_samples_leaf": max(1, min(own.min_samples_leaf, rows // 10)),
    }


def require_room(own: Any, rows: Sequence[int], outputs: int) -> None:
    """Raise SluiceError if the trees of all segments could be too many for one model.

    rows: of each segment. outputs: the number of trees in a round.
    """
    if not is_boosted(own):
        return
    nodes = most_nodes(own, rows, outputs)
    if nodes > MOST_NODES:
        memory = MOST_NODES * NODE_BYTES / 2**30
        raise SluiceError(
            f"data.segments in params.yaml: the boosted trees of {len(rows):,} segments may need "
            f"{nodes:,} nodes, expected at most {MOST_NODES:,}, which take about {memory:.0f} GiB "
            "of memory to export, and in each process of a server; lower data.segments.trees, "
            "raise data.segments.rows, or keep only linear candidates"
        )


def most_nodes(own: Any, rows: Sequence[int], outputs: int) -> int:
    """The most nodes that the trees of all segments can have.

    own: has the parameters of boosted trees. rows: of each segment. outputs: the number of trees in
    a round. Comparisons that replace splits on sets of categories are not counted.
    """
    return outputs * sum(map(partial(_most_of_one, own), rows))


def _most_of_one(own: Any, rows: int) -> int:
    """The most nodes of a segment's trees, with one split for each tree that selects the
    segment.
    """
    size = _size(own, rows)
    leaves = min(size["max_leaf_nodes"], max(1, rows // size["min_samples_leaf"]))
    return size["max_iter"] * 2 * leaves
