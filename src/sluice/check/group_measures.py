"""What the fairness gate measures in each group, and between groups.

The intervals are described in sluice.stats.groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.check.clusters import count
from sluice.check.groups import Grouping
from sluice.metrics import Floats, Predictions
from sluice.stats.bootstrap import Clusters, Rows
from sluice.stats.groups import (
    Codes,
    Interval,
    Means,
    each,
    largest_difference,
    means,
    smallest_ratio,
)

FEWEST_MEMBERS = 10  # an interval from fewer groups of rows would be much too narrow


@dataclass(frozen=True)
class Measure:
    """A mean of `values` [n] over the rows where `counted` [n] is true."""

    name: str
    kind: str
    values: Floats
    counted: NDArray[np.bool_]

    def of(self, rows: Rows) -> Measure:
        """The measure of only some rows."""
        return Measure(self.name, self.kind, self.values[rows], self.counted[rows])


@dataclass(frozen=True)
class Compared:
    """A measure in each group, and its `difference` and `ratio` between the groups.

    observed: the difference and the ratio without any correction for chance, if they are defined.
    """

    groups: dict[str, Interval]
    between: dict[str, Interval]
    observed: dict[str, float]


def measures(outcome: Predictions) -> list[Measure]:
    """The measures of the task; with more than two classes, those of each against the rest."""
    if outcome.task == "regression":
        off, every = outcome.scores - outcome.truth, np.ones(len(outcome.truth), bool)
        return [
            Measure("mean_error", "mean_error", off, every),
            Measure("absolute_error", "absolute_error", np.abs(off), every),
        ]
    made = []
    for k in [1] if outcome.task == "binary" else range(len(outcome.classes)):
        flagged = (outcome.decisions == k).astype(np.float64)
        is_k = outcome.truth == k
        suffix = "" if outcome.task == "binary" else f" of {outcome.classes[k]}"
        for kind, values, counted in (
            ("selection_rate", flagged, np.ones(len(is_k), bool)),
            ("false_negative_rate", 1 - flagged, is_k),
            ("false_positive_rate", flagged, ~is_k),
        ):
            made.append(Measure(kind + suffix, kind, values, counted))
    return made


def members(grouping: Grouping, name: str, clusters: Clusters | None) -> float:
    """How many independent groups of rows are in a group that is compared."""
    return np.inf if clusters is None else count(clusters[grouping.among([name]) == 0])


def observed(means: Floats, groups: list[str]) -> dict[str, float]:
    """The uncorrected difference and ratio of the groups' means, by fairlearn.

    The result is empty if there are fewer than two groups, or if one has no row.
    """
    from fairlearn.metrics import MetricFrame, mean_prediction

    if len(groups) < 2 or not np.isfinite(means).all():
        return {}
    frame = MetricFrame(
        metrics=mean_prediction,
        y_true=means,  # fairlearn requires this argument, but mean_prediction does not read it
        y_pred=means,
        sensitive_features=np.array(groups, object),
    )
    return {"difference": float(frame.difference()), "ratio": float(frame.ratio())}


def means_of(measure: Measure, codes: Codes, groups: int, clusters: Clusters | None) -> Means:
    """The measure's mean in each of the groups, whose numbers are `codes` [n]; -1 for no group."""
    rows = measure.counted & (codes >= 0)
    return means(
        codes[rows],
        measure.values[rows],
        groups,
        rates=measure.kind.endswith("_rate"),
        clusters=None if clusters is None else clusters[rows],
    )


def compare(
    grouping: Grouping,
    groups: list[str],
    measure: Measure,
    clusters: Clusters | None,
    tail: float,
) -> Compared:
    """The measure in each group, and its largest difference and smallest ratio between groups.

    tail: the probability, on each side, that an interval misses the true value.
    """
    found = means_of(measure, grouping.among(groups), len(groups), clusters)
    alone = dict(zip(groups, each(found, tail), strict=True))
    return Compared(alone, between(found, tail), observed(found.observed, groups))


def between(found: Means, tail: float) -> dict[str, Interval]:
    """The largest difference and the smallest ratio between the means of groups."""
    return {"difference": largest_difference(found, tail), "ratio": smallest_ratio(found, tail)}
