"""Candidates tried on the new table by cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.adopt.bounds.folds import folds, together
from sluice.adopt.bounds.resample import resample_metrics
from sluice.config import Settings
from sluice.metrics import METRICS, Ints, Predictions
from sluice.stats.bootstrap import Clusters

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

_CLOSE_ERRORS = 3


@dataclass(frozen=True)
class Trial:
    """One candidate, cross-validated.

    outcome: the predictions. rows: the rows that were predicted, which are all but the oldest ones
    of a split by time. fold: the number of the fold of each of these rows. clusters: the number
    of the group of each, if rows belong together. pipeline: the model of the last fold. unseen:
    the rows of that fold, on which the pipeline was not fitted.
    """

    outcome: Predictions
    rows: DataFrame
    fold: Ints
    clusters: Clusters | None
    pipeline: Pipeline
    unseen: DataFrame


def cross_validate(name: str, rows: DataFrame, settings: Settings) -> Trial:
    """Fit and predict candidate `name` on each fold of `rows`, a typed table."""
    from sluice.decision import decided, tune
    from sluice.train.fit import fit
    from sluice.train.models import MODELS
    from sluice.train.scores import predict
    from sluice.train.search import choose

    truth = table.truth(rows, settings)
    shape = (len(rows), len(settings.classes)) if settings.task == "multiclass" else (len(rows),)
    scores = np.zeros(shape)
    candidate = settings.candidates[name]
    fold = np.full(len(rows), -1)
    build = MODELS[candidate.model]
    parameters = choose(build, candidate, rows, settings)
    for k, (seen, unseen) in enumerate(folds(rows, truth, settings)):
        pipeline = fit(build, parameters, rows.iloc[seen], settings)
        inputs = rows.iloc[unseen][settings.features]
        scores[unseen] = predict(pipeline, settings, inputs)
        fold[unseen] = k
    predicted = fold >= 0
    truth, scores, rows = truth[predicted], scores[predicted], rows[predicted]
    outcome = decided(settings, truth, scores, tune(settings, truth, scores))
    return Trial(outcome, rows, fold[predicted], together(rows, settings), pipeline, inputs)


def best(trials: dict[str, Trial], metric: str) -> Trial:
    """Return the trial with the best value of the metric."""
    score = METRICS[metric]
    values = {name: score.compute(trial.outcome) for name, trial in trials.items()}
    return trials[max(values, key=lambda name: score.gain(values[name], 0.0))]


def close_to_best(
    trials: dict[str, Trial], top: Trial, metric: str, seed: int, validation: int
) -> list[Trial]:
    """Return the trials that the selection might choose by chance.

    The metric of these trials is within three standard errors of the best trial's on `validation`
    rows.
    """
    score = METRICS[metric]
    value = score.compute(top.outcome)
    resampled = resample_metrics(top.outcome, [metric], validation, seed, top.clusters)[metric]
    margin = _CLOSE_ERRORS * float(np.nanstd(resampled))
    return [t for t in trials.values() if score.gain(value, score.compute(t.outcome)) <= margin]
