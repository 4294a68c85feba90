"""Bounds of the performance gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sluice.adopt.bounds import Estimate
from sluice.adopt.bounds.resample import (
    POSSIBLE_ERRORS,
    SAFE_ERRORS,
    resample_metrics,
    round_outward,
)
from sluice.adopt.bounds.trial import Trial
from sluice.config import Settings
from sluice.metrics import METRICS, Floats, Predictions

# With fewer rows of the rarest class, a Brier score or a ROC AUC is too uncertain.
_BRIER_ROWS, _ROC_ROWS = 30, 10


def performance_bounds(
    trials: list[Trial], settings: Settings, holdout: int
) -> dict[str, Estimate]:
    """Return an estimate for each metric of the weakest of these candidates.

    holdout: the number of holdout rows on which the gate will measure. Any of the candidates may be
    selected, so the weakest decides. A bound is at least as strict as the value of a constant
    prediction. A metric whose derived bound is weaker than that is left out, unless it is the first
    one.
    """
    names = _metrics(trials[0].outcome, settings, holdout)
    weakest: dict[str, Estimate] = {}
    for trial in trials:
        resampled = resample_metrics(trial.outcome, names, holdout, settings.seed, trial.clusters)
        for name, values in resampled.items():
            estimate = _estimate(name, trial, values, holdout)
            if name not in weakest or METRICS[name].gain(estimate.bound, weakest[name].bound) < 0:
                weakest[name] = estimate
    constant = _constant(trials[0].outcome)
    for name in names:
        least = METRICS[name].compute(constant)
        if name == "mae":
            # A few extreme rows in the holdout raise the error of every prediction.
            drawn = resample_metrics(constant, [name], holdout, settings.seed, trials[0].clusters)
            least += SAFE_ERRORS * float(np.nanstd(drawn[name]))
        if METRICS[name].gain(weakest[name].bound, least) > 0:
            continue
        if name == names[0]:
            weakest[name] = replace(weakest[name], bound=float(f"{least:.3g}"))
        else:
            del weakest[name]
    return weakest


def _metrics(outcome: Predictions, settings: Settings, holdout: int) -> list[str]:
    """Return the metrics that are informative for the task and the number of rows."""
    if settings.task == "regression":
        return ["mae"] if settings.selection.metric == "mae" else ["r2", "mae"]
    rarest = int(np.bincount(outcome.truth.astype(np.intp)).min()) * holdout / len(outcome.truth)
    if settings.task == "binary":
        # With few positives a Brier score mainly depends on how many positives there are.
        return ["roc_auc", "average_precision", *(["brier"] if rarest > _BRIER_ROWS else [])]
    return ["accuracy", "brier", *(["roc_auc"] if rarest > _ROC_ROWS else [])]


def _estimate(name: str, trial: Trial, resampled: Floats, holdout: int) -> Estimate:
    metric, outcome = METRICS[name], trial.outcome
    value, sampling = metric.compute(outcome), float(np.nanstd(resampled))
    error = float(np.hypot(sampling, _between_models(name, trial, sampling, holdout)))
    least = abs(value) / 50 if outcome.task == "regression" else POSSIBLE_ERRORS / holdout
    margin = max(SAFE_ERRORS * error, least)
    weakest = value - margin if metric.higher_is_better else value + margin
    bound = round_outward(weakest, margin, up=not metric.higher_is_better)
    return Estimate(value, error, bound)


def _between_models(name: str, trial: Trial, sampling: float, holdout: int) -> float:
    """The part of the standard deviation between the folds' models that sampling does not explain.

    Models differ because they are fitted on other rows, and in a split by time because the data
    changes. sampling: the standard error on `holdout` rows.
    """
    parts = [trial.fold == k for k in np.unique(trial.fold)]
    values = np.array([METRICS[name].compute(trial.outcome.rows(part)) for part in parts])
    if len(values) < 2 or not np.isfinite(values).all():
        return 0.0
    explained = sampling**2 * holdout * np.mean([1 / np.count_nonzero(part) for part in parts])
    return float(np.sqrt(max(0.0, values.var(ddof=1) - explained)))


def _constant(outcome: Predictions) -> Predictions:
    """Predict the same for every row: the mean, or the share of each class."""
    rows = len(outcome.truth)
    if outcome.task == "regression":
        mean = np.full(rows, float(outcome.truth.mean()))
        return Predictions(outcome.task, outcome.truth, mean, mean, outcome.costs, outcome.classes)
    shares = np.bincount(outcome.truth.astype(np.intp), minlength=len(outcome.classes)) / rows
    decisions = np.full(rows, int(shares.argmax()))
    scores = np.full(rows, shares[1]) if outcome.task == "binary" else np.tile(shares, (rows, 1))
    return Predictions(
        outcome.task, outcome.truth, scores, decisions, outcome.costs, outcome.classes
    )
