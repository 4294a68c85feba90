"""Bounds of the fairness gate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.adopt.bounds import Estimate
from sluice.adopt.bounds.resample import POSSIBLE_ERRORS, resample, round_outward
from sluice.adopt.bounds.trial import Trial
from sluice.check.group_measures import means_of, measures
from sluice.check.groups import groupings
from sluice.config import Settings
from sluice.decision import decided, tune
from sluice.metrics import FAIRNESS_MEASURES, Predictions
from sluice.stats import reuse
from sluice.stats.bootstrap import Clusters, draw
from sluice.stats.groups import Codes, Interval, largest_difference

if TYPE_CHECKING:
    from pandas import DataFrame

    from sluice.check.groups import Grouping

Measured = tuple[int, str, str]  # the number of a grouping, a measure and its kind

_GROUP_ROWS = (10, 50)  # limits of the smallest number of rows that may be required of a group
# From the mean upper end of the gate's interval, which is two standard errors from its estimate.
_SAFE_ERRORS = 4


@dataclass(frozen=True)
class FairnessBounds:
    """Estimates by kind of difference, for single columns and for their intersections.

    thin: groups that will probably have too few holdout rows, with their number. never: the
    combinations of two columns' groups that no row has.
    limited: bounds that are the largest ones possible, although chance alone often exceeds them
    in so few rows.
    """

    group_rows: int
    single: dict[str, Estimate]
    intersections: dict[str, Estimate]
    thin: dict[str, int]
    never: tuple[str, ...]
    limited: tuple[str, ...]


def fairness_bounds(
    trials: list[Trial], settings: Settings, *, validation: int, holdout: int, frame: DataFrame
) -> FairnessBounds:
    """Derive the bounds from the predictions of the candidates that may be selected.

    validation, holdout: the number of rows on which the build chooses the threshold, and on which
    the gate compares the groups. frame: the complete table.
    """
    rows = trials[0].rows
    made = groupings(rows, settings, frame)
    share = holdout / len(rows)
    sizes = {name: size * share for g in made for name, size in g.sizes.items()}
    least, most = _GROUP_ROWS
    group_rows = max(least, min(most, int(min(sizes.values(), default=0.0) * 0.7)))
    pairs = (g for g in groupings(rows, settings) if len(g.columns) == 2)
    never = tuple(name for g in pairs for name in g.names if name not in sizes)
    unit = _unit(trials[0].outcome)
    keys = [f"{kind}_difference" for kind in FAIRNESS_MEASURES[settings.task]]
    unknown = Estimate(float("nan"), float("nan"), 0.1 * unit)
    single, intersections = dict.fromkeys(keys, unknown), dict.fromkeys(keys, unknown)
    codes = [_codes(grouping, group_rows / share) for grouping in made]
    for trial in trials:
        for (k, kind), estimate in _differences(codes, trial, settings, validation, holdout):
            found = single if len(made[k].columns) == 1 else intersections
            # The bound is NaN for a difference that cannot be measured; the other differences then
            # decide.
            if estimate.bound > found[f"{kind}_difference"].bound:
                found[f"{kind}_difference"] = estimate
    limited = _limit(single, intersections, settings, unit)
    thin = {name: round(rows) for name, rows in sizes.items() if rows < group_rows}
    return FairnessBounds(group_rows, single, intersections, thin, never, limited)


def _unit(outcome: Predictions) -> float:
    """Return the unit of the differences: 1 for rates, or the target's mean absolute deviation for
    a regression.
    """
    if outcome.task != "regression":
        return 1.0
    return float(np.abs(outcome.truth - np.median(outcome.truth)).mean())


def _codes(grouping: Grouping, least: float) -> Codes:
    """Return [n] group numbers, and -1 for rows of groups with fewer than `least` rows."""
    return grouping.among([name for name, size in grouping.sizes.items() if size >= least])


def _differences(
    codes: list[Codes], trial: Trial, settings: Settings, validation: int, holdout: int
) -> Iterator[tuple[tuple[int, str], Estimate]]:
    """Yield an estimate for each grouping, by its number, and each kind of difference.

    Each resample does what the build does: it chooses a threshold on some rows and measures the
    gate's interval on other rows. A bound that contains these intervals also contains that of the
    holdout.
    """
    random = np.random.default_rng([settings.seed, 1])
    outcome, clusters = trial.outcome, trial.clusters
    n = len(outcome.truth)

    def judged(chosen: NDArray[np.intp]) -> dict[Measured, float]:
        tuned = draw(random, n, clusters=clusters, size=validation)
        decision = tune(settings, outcome.truth[tuned], outcome.scores[tuned])
        again = decided(settings, outcome.truth[chosen], outcome.scores[chosen], decision)
        members = None if clusters is None else clusters[chosen]
        every = _intervals([of[chosen] for of in codes], again, members, settings)
        return {of: interval.high for of, interval in every.items()}

    found = _intervals(codes, outcome, clusters, settings)
    highs = resample(judged, n, holdout, settings.seed, clusters)
    counted = {m.name: m.counted for m in measures(outcome)}
    for (k, name, kind), interval in found.items():
        known = highs[k, name, kind][np.isfinite(highs[k, name, kind])]
        if not len(known) or not math.isfinite(interval.estimate):
            continue
        smallest = np.bincount(codes[k][counted[name] & (codes[k] >= 0)]).min() * holdout / n
        least = 0.0 if outcome.task == "regression" else POSSIBLE_ERRORS / max(smallest, 1.0)
        error = float(known.std())
        bound = float(known.mean()) + max(_SAFE_ERRORS * error, least)
        yield (k, kind), Estimate(interval.estimate, error, bound)


def _intervals(
    codes: list[Codes], outcome: Predictions, clusters: Clusters | None, settings: Settings
) -> dict[Measured, Interval]:
    """Return what the gate measures: the largest difference of each measure in each grouping."""
    tail = reuse.tail(settings.fairness.confidence, 1)
    found = {}
    for measure in measures(outcome):
        for k, of in enumerate(codes):
            inside = means_of(measure, of, int(of.max(initial=-1)) + 1, clusters)
            found[k, measure.name, measure.kind] = largest_difference(inside, tail)
    return found


def _limit(
    single: dict[str, Estimate],
    intersections: dict[str, Estimate],
    settings: Settings,
    unit: float,
) -> tuple[str, ...]:
    """Limit the bounds; the bound for intersections is at least twice that for single columns.

    A wider bound would refuse nothing. With this limit, the gate reports that there are too few
    rows instead. Returns the settings whose bounds were limited and will often be exceeded.
    """
    often = []
    most, most_intersected = (0.75, 1.25) if settings.task == "regression" else (0.5, 0.8)
    for key, estimate in single.items():
        if estimate.bound - _SAFE_ERRORS / 2 * estimate.error > most * unit:
            often.append(f"fairness.bounds.{key}")
        single[key] = limited = _at_most(estimate, most * unit)
        wider = max(2 * limited.bound, intersections[key].bound)
        intersections[key] = _at_most(
            replace(intersections[key], bound=wider), most_intersected * unit
        )
    return tuple(often)


def _at_most(estimate: Estimate, most: float) -> Estimate:
    bound = min(estimate.bound, most)
    return replace(estimate, bound=round_outward(bound, bound, up=True))
