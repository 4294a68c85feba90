"""Bounds for a new table, derived from it: a starting point that its owner should revise.

The rows that the split holds out are not used. On the other rows each metric is measured by
cross-validation, which divides them as the build does. The bound of a metric is six standard errors
weaker than the estimate. The standard error is that of a holdout of the table's own size, together
with the differences between the models of the folds. The margin is needed because a gate passes
only if its entire 95 % confidence interval is within the bound, and because both the holdout and
the final model vary by chance.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A cross-validated metric, its standard error on the holdout, and the derived bound."""

    value: float
    error: float
    bound: float


@dataclass(frozen=True)
class DerivedBounds:
    """What params.yaml needs to know about the data.

    duplicates, class_share, leakage: bounds of the data-quality gate; class_share is None for a
    regression. leaks: inputs that exceed a bound on leaks. too_good: metrics of the best
    candidate that exceed their ceiling.
    parity: the largest allowed difference between the fitted pipeline and its export.
    performance: an estimate for each metric. fairness, intersections: an estimate for each kind
    of difference between groups, and between intersections of groups. group_rows: the fewest
    rows a group needs. thin: groups that will probably have too few holdout rows, with their
    number. never: combinations of groups that no row has. limited: fairness bounds that chance
    alone often exceeds. rare: classes with too few holdout rows for a confidence interval, with
    their number. few_groups: the number of groups of rows in the holdout, if it is too small for a
    confidence interval. largest, largest_share: the column with the largest influence on the score,
    and its share of the total influence.
    """

    duplicates: float
    class_share: float | None
    leakage: float
    leaks: tuple[str, ...]
    too_good: dict[str, float]
    parity: float
    performance: dict[str, Estimate]
    group_rows: int
    fairness: dict[str, Estimate]
    intersections: dict[str, Estimate]
    thin: dict[str, int]
    never: tuple[str, ...]
    limited: tuple[str, ...]
    rare: dict[str, int]
    few_groups: int | None
    largest: str
    largest_share: float
