"""The rule that turns scores into decisions at the lowest cost, and the decisions it makes."""

from __future__ import annotations

import numpy as np

from sluice.config import Settings
from sluice.metrics import Floats, Ints, Predictions, class_costs
from sluice.model import Decision, decide


def decided(
    settings: Settings, truth: Floats | Ints, scores: Floats, decision: Decision
) -> Predictions:
    """The decisions of the rule `decision`, together with the scores and the true values.

    truth: [n] class indices, or numbers. scores: [n], or [n, classes] for a multi-class task.
    """
    return Predictions(
        settings.task,
        truth,
        scores,
        decide(decision, scores),
        settings.selection.costs,
        tuple(settings.classes),
    )


def tune(settings: Settings, truth: Floats | Ints, scores: Floats) -> Decision:
    """The rule that turns scores into decisions at the lowest cost.

    A binary task gets the threshold with the lowest cost on these rows. A multi-class task gets the
    costs, by which each row is assigned the class with the lowest expected cost. A regression needs
    no rule.
    """
    if settings.task == "regression":
        return Decision()
    costs = class_costs(settings.task, tuple(settings.classes), settings.selection.costs)
    if settings.task == "multiclass":
        return Decision(costs=tuple(costs.tolist()))
    return Decision(threshold=cheapest_threshold(truth, scores, *costs.tolist()))


def cheapest_threshold(
    truth: Floats | Ints, scores: Floats, false_positive: float, false_negative: float
) -> float:
    """The threshold with the lowest total cost on these rows: [n] truth of 0 and 1, [n] scores.

    The threshold lies half-way between two neighbouring scores and is rounded to six decimals. The
    costs are of one false positive and of one false negative.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, positive = scores[order], truth[order] == 1
    # If the first k rows are flagged: how many positives are missed, and how many alarms are false.
    missed = positive.sum() - np.concatenate([[0], np.cumsum(positive)])
    alarms = np.concatenate([[0], np.cumsum(~positive)])
    cost = missed * false_negative + alarms * false_positive
    edge = np.concatenate([[True], ranked[1:] != ranked[:-1], [True]])
    k = int(np.flatnonzero(edge)[np.argmin(cost[edge])])
    upper = ranked[k - 1] if k else 1.0
    lower = ranked[k] if k < len(ranked) else 0.0
    return round(float(upper + lower) / 2, 6)
