"""Bounds of the fairness gate."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.adopt.bounds import Estimate
from sluice.adopt.bounds.resample import POSSIBLE_ERRORS, SAFE_ERRORS, resample, round_outward
from sluice.adopt.bounds.trial import Trial
from sluice.config import Settings
from sluice.metrics import FAIRNESS_MEASURES, Floats, Predictions
from sluice.stats.bootstrap import Clusters

if TYPE_CHECKING:
    from pandas import DataFrame

    from sluice.check.groups import Grouping

_GROUP_ROWS = (10, 50)  # the fewest and the most rows that a group may have to have


@dataclass(frozen=True)
class FairnessBounds:
    """Estimates by kind of difference, for single columns and for their intersections.

    thin: groups that will probably have too few holdout rows, with their number. never: the
    combinations of two columns' groups that no row has.
    """

    group_rows: int
    single: dict[str, Estimate]
    intersections: dict[str, Estimate]
    thin: dict[str, int]
    never: tuple[str, ...]


def fairness_bounds(
    trial: Trial, settings: Settings, holdout: int, frame: DataFrame
) -> FairnessBounds:
    """Derive the bounds from the predictions of a trial.

    holdout: the number of rows that the gate will have. frame: the whole table.
    """
    from sluice.check.groups import groupings

    rows, outcome = trial.rows, trial.outcome
    made = groupings(rows, settings, frame)
    share = holdout / len(rows)
    sizes = {name: size * share for g in made for name, size in g.sizes.items()}
    least, most = _GROUP_ROWS
    group_rows = max(least, min(most, int(min(sizes.values(), default=0.0) * 0.7)))
    pairs = (g for g in groupings(rows, settings) if len(g.columns) == 2)
    never = tuple(name for g in pairs for name in g.names if name not in sizes)
    unit = _unit(outcome)
    keys = [f"{kind}_difference" for kind in FAIRNESS_MEASURES[settings.task]]
    unknown = Estimate(float("nan"), float("nan"), 0.1 * unit)
    single, intersections = dict.fromkeys(keys, unknown), dict.fromkeys(keys, unknown)
    for grouping in made:
        found = single if len(grouping.columns) == 1 else intersections
        codes = _codes(grouping, group_rows / share)
        for key, estimate in _differences(codes, trial, holdout, settings.seed):
            # The bound is NaN for a difference that cannot be measured: others decide then.
            if estimate.bound > found[key].bound:
                found[key] = estimate
    _limit(single, intersections, settings, unit)
    thin = {name: round(rows) for name, rows in sizes.items() if rows < group_rows}
    return FairnessBounds(group_rows, single, intersections, thin, never)


def _unit(outcome: Predictions) -> float:
    """Return 1 for rates, and the target's mean absolute deviation for a regression."""
    if outcome.task != "regression":
        return 1.0
    return float(np.abs(outcome.truth - np.median(outcome.truth)).mean())


def _codes(grouping: Grouping, least: float) -> NDArray[np.int64]:
    """Return [n] group numbers, and -1 for rows of groups with fewer than `least` rows."""
    return grouping.among([name for name, size in grouping.sizes.items() if size >= least])


def _differences(
    codes: NDArray[np.int64], trial: Trial, holdout: int, seed: int
) -> list[tuple[str, Estimate]]:
    from sluice.check.fairness import measures

    return [
        (
            f"{measure.kind}_difference",
            _difference(
                codes,
                measure.values,
                measure.counted & (codes >= 0),
                clusters=trial.clusters,
                holdout=holdout,
                seed=seed,
                least=0.0 if trial.outcome.task == "regression" else POSSIBLE_ERRORS,
            ),
        )
        for measure in measures(trial.outcome)
    ]


def _difference(
    codes: NDArray[np.int64],
    values: Floats,
    counted: NDArray[np.bool_],
    *,
    clusters: Clusters | None,
    holdout: int,
    seed: int,
    least: float,
) -> Estimate:
    """Estimate the largest difference between the groups' means.

    codes, values, counted: [n]. Small groups make the difference look larger than it is; the
    resampling shows by how much. least: the smallest margin, times the rows of the smallest group.
    """
    groups = int(codes.max(initial=-1)) + 1

    def spread(chosen: NDArray[np.intp]) -> dict[str, float]:
        taken = chosen[counted[chosen]]
        with np.errstate(invalid="ignore"):
            means = np.bincount(codes[taken], values[taken], groups) / np.bincount(
                codes[taken], minlength=groups
            )
        return {"spread": float(np.ptp(means)) if groups else float("nan")}

    value = spread(np.arange(len(codes)))["spread"]
    resampled = resample(spread, len(codes), holdout, seed, clusters)["spread"]
    known = resampled[np.isfinite(resampled)]
    if not len(known) or not math.isfinite(value):
        return Estimate(value, float("nan"), float("nan"))
    bias = max(0.0, float(known.mean()) - value)
    error = float(known.std())
    smallest = np.bincount(codes[counted]).min() * holdout / len(codes)
    margin = max(2 * bias + SAFE_ERRORS * error, least / max(smallest, 1.0))
    return Estimate(value, error, value + margin)


def _limit(
    single: dict[str, Estimate],
    intersections: dict[str, Estimate],
    settings: Settings,
    unit: float,
) -> None:
    """Limit the bounds, and allow intersections at least twice the difference.

    A wider bound would refuse nothing. It is better that the gate says there are too few rows.
    """
    most, most_intersected = (0.75, 1.25) if settings.task == "regression" else (0.5, 0.8)
    for key, estimate in single.items():
        single[key] = limited = _at_most(estimate, most * unit)
        wider = max(2 * limited.bound, intersections[key].bound)
        intersections[key] = _at_most(
            replace(intersections[key], bound=wider), most_intersected * unit
        )


def _at_most(estimate: Estimate, most: float) -> Estimate:
    bound = min(estimate.bound, most)
    return replace(estimate, bound=round_outward(bound, bound, up=True))
