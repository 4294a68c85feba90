"""Count the scores and the losses of each segment in the rows that its model was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.config import Settings
from sluice.metrics import Floats, Ints
from sluice.model import Model, Scores
from sluice.segment_gains import losses, means, surprises
from sluice.sketch.bins import Bins
from sluice.sketch.segments import OTHERS, SegmentCounts, SegmentReference, columns_of

if TYPE_CHECKING:
    from pandas import DataFrame


def measure(
    settings: Settings,
    model: Model,
    bins: Sequence[Bins],
    *,
    train: DataFrame,
    validation: DataFrame,
    holdout: tuple[Scores, Floats | Ints],
) -> SegmentReference:
    """The reference of a model with segments.

    bins: the bins of each score. train, validation: the rows of these parts. holdout: the scores of
    its rows, and their true outcomes.
    """
    column, (scores, truth) = str(model.signature.segment), holdout
    inputs = [one.name for one in model.signature.inputs]
    one_of_each = _score(model, train.drop_duplicates(column), settings, inputs)
    names = sorted({name for name in _segments(one_of_each) if name is not None})
    size = sum(one.size for one in bins)
    others = SegmentCounts(OTHERS, (0,) * size, 0)
    empty = tuple(SegmentCounts(name, others.scores, 0) for name in names)
    made = SegmentReference(column, 0.0, (*empty, others))

    counted = np.zeros((len(made.segments), size), np.int64)
    for part in (_score(model, validation, settings, inputs), scores):
        places = made.places(list(_segments(part)))
        for bin_ in columns_of(bins, part.values.reshape(len(places), -1).T):
            np.add.at(counted, (places, bin_), 1)
    places = made.places(list(_segments(scores)))
    surprise, variance = surprises(settings.task, truth, scores.values)
    rows, mean, error = means(places, surprise, variance, len(made.segments))
    segments = tuple(
        SegmentCounts(
            one.name,
            tuple(counted[at].tolist()),
            int(rows[at]),
            *((_rounded(mean[at]), _rounded(error[at])) if np.isfinite(error[at]) else ()),
        )
        for at, one in enumerate(made.segments)
    )
    loss = float(losses(settings.task, truth, scores.values).mean())
    return SegmentReference(column, _rounded(loss), segments)


def _score(model: Model, rows: DataFrame, settings: Settings, inputs: list[str]) -> Scores:
    return model.score(table.tensors(rows, settings, inputs))


def _segments(scores: Scores) -> np.ndarray:
    if scores.segments is None:  # pragma: no cover - only models with segments are measured
        raise AssertionError
    return scores.segments


def _rounded(value: float) -> float:
    """Round to six digits, because the last ones may differ between machines."""
    return float(f"{value:.6g}")
