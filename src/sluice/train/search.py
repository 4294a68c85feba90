"""Choose the parameters of a candidate, and its number of trees, on folds of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice import table
from sluice.config import Candidate, Settings
from sluice.metrics import METRICS, Floats, Ints, Predictions
from sluice.train.columns import columns_of
from sluice.train.folds import folds
from sluice.train.models import Builder
from sluice.train.scores import predict
from sluice.train.settle import significant

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """Parameters that were tried, with the best number of trees, and their loss."""

    parameters: Parameters
    loss: float


def choose(build: Builder, candidate: Candidate, rows: DataFrame, settings: Settings) -> Parameters:
    """The parameters with the lowest loss on folds of `rows`, a typed table.

    If a model stops early, its parameters get the best number of trees instead, so that it can be
    fitted on all rows.
    """
    sets = [candidate.parameters, *({**candidate.parameters, **c} for c in candidate.search)]
    sets = sets[: candidate.budget]
    some = columns_of(settings, rows)
    early = [_stops_early(build(settings.task, some, settings.seed, **each)) for each in sets]
    masks = folds(rows, settings) if len(sets) > 1 or any(early) else []
    if not masks:
        return sets[0]
    trials = [_try(build, each, rows, masks, settings) for each in sets]
    return min(trials, key=lambda trial: trial.loss).parameters


def _try(
    build: Builder,
    parameters: Parameters,
    rows: DataFrame,
    masks: list[NDArray[np.bool_]],
    settings: Settings,
) -> Trial:
    truth, trees, losses, count = table.truth(rows, settings), [], [], []
    for aside in masks:
        columns = columns_of(settings, rows[~aside])
        pipeline = build(settings.task, columns, settings.seed, **parameters)
        inputs = rows[columns.names]
        if _stops_early(pipeline):
            trees.append(_fit(pipeline, inputs, truth, aside))
        else:
            pipeline.fit(inputs[~aside], truth[~aside])
        losses.append(_loss(predict(pipeline, settings, inputs[aside]), truth[aside], settings))
        count.append(np.count_nonzero(aside))
    loss = float(np.average(losses, weights=count))
    if trees:
        parameters = {**parameters, "early_stopping": False, "max_iter": round(np.mean(trees))}
    return Trial(parameters, loss)


def _fit(
    pipeline: Pipeline, inputs: DataFrame, truth: Floats | Ints, aside: NDArray[np.bool_]
) -> int:
    """Fit until the rows of the fold do not improve; returns the best number of trees."""
    encoder, model = pipeline[:-1], pipeline[-1]
    matrix = encoder.fit_transform(inputs[~aside], truth[~aside])
    tried = encoder.transform(inputs[aside])
    model.fit(matrix, truth[~aside], X_val=tried, y_val=truth[aside])
    return max(1, int(np.argmax(significant(np.asarray(model.validation_score_)))))


def _stops_early(pipeline: Pipeline) -> bool:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosted = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    return isinstance(pipeline[-1], boosted) and pipeline[-1].early_stopping is True


def _loss(scores: Floats, truth: Floats | Ints, settings: Settings) -> float:
    """The loss that a model minimises: the log loss, or the mean absolute or squared error."""
    name = "log_loss" if settings.task != "regression" else "rmse"
    if settings.selection.metric == "mae":
        name = "mae"
    classes = tuple(settings.classes)
    return METRICS[name].compute(Predictions(settings.task, truth, scores, scores, {}, classes))
