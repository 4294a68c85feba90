"""The points of the curves that DVC and the report draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import Floats, Predictions

Rows = list[dict[str, float | int | str]]

_POINTS = 100


def of(outcome: Predictions) -> dict[str, Rows]:
    """The curves of the task, each with at most about a hundred points."""
    if outcome.task == "regression":
        return {"residuals": residuals(outcome)}
    made = {"confusion": confusion(outcome)}
    if outcome.task == "binary" and len(np.unique(outcome.truth)) == 2:
        made |= {
            "roc": roc(outcome),
            "precision_recall": precision_recall(outcome),
            "calibration": calibration(outcome),
            "cost": cost(outcome),
        }
    return made


def roc(outcome: Predictions) -> Rows:
    """The points of the ROC curve, one row for each of some thresholds."""
    from sklearn.metrics import roc_curve

    false_alarms, hits, _ = roc_curve(outcome.truth, outcome.scores)
    return _rows(false_positive_rate=false_alarms, true_positive_rate=hits)


def precision_recall(outcome: Predictions) -> Rows:
    """The points of the precision-recall curve, one row for each of some thresholds."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(outcome.truth, outcome.scores)
    return _rows(recall=recall, precision=precision)


def calibration(outcome: Predictions) -> Rows:
    """The mean score and the share of positives in ten groups of equal size, ordered by score."""
    groups = np.array_split(np.argsort(outcome.scores, kind="stable"), 10)
    groups = [group for group in groups if len(group)]
    return _rows(
        score=np.array([outcome.scores[group].mean() for group in groups]),
        frequency=np.array([outcome.truth[group].mean() for group in groups]),
    )


def cost(outcome: Predictions) -> Rows:
    """The mean cost of the errors per row, for each threshold from 0 to 1."""
    missing = outcome.costs.get("false_negative", 1.0)
    alarm = outcome.costs.get("false_positive", 1.0)
    thresholds = np.linspace(0, 1, _POINTS + 1)
    flagged = outcome.scores[:, None] >= thresholds
    positive = (outcome.truth == 1)[:, None]
    errors = (positive & ~flagged) * missing + (~positive & flagged) * alarm
    return _rows(threshold=thresholds, cost=errors.mean(axis=0))


def confusion(outcome: Predictions) -> Rows:
    """The number of rows for each pair of actual and predicted class."""
    return [
        {
            "actual": actual,
            "predicted": predicted,
            "rows": int(np.count_nonzero((outcome.truth == i) & (outcome.decisions == j))),
        }
        for i, actual in enumerate(outcome.classes)
        for j, predicted in enumerate(outcome.classes)
    ]


def residuals(outcome: Predictions) -> Rows:
    """Predicted and actual values of rows at even steps through the ordered predictions."""
    order = np.argsort(outcome.scores, kind="stable")
    chosen = order[_thinned(len(order))]
    return _rows(predicted=outcome.scores[chosen], actual=outcome.truth[chosen].astype(np.float64))


def _rows(**columns: Floats) -> Rows:
    names = list(columns)
    chosen = _thinned(len(columns[names[0]]))
    return [{name: round(float(columns[name][i]), 6) for name in names} for i in chosen]


def _thinned(n: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n - 1, min(n, _POINTS + 1)).round().astype(np.intp))
