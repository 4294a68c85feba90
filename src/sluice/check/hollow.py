"""Refuse declared scenarios that no model could fail, because they test nothing."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.errors import SluiceError
from sluice.scenario import (
    Alone,
    AnyScenario,
    Direction,
    Edge,
    Invariance,
    Known,
    Recorded,
    Sample,
)
from sluice.task import Task

# The largest share of the scores' range that a tolerance may have.
_LARGEST_TOLERANCE = 0.25


def refuse(declared: Iterable[AnyScenario], task: Task, spread: float) -> None:
    """Raise SluiceError if a scenario cannot fail; the message names it.

    spread: for a regression, by how much the scores of the holdout rows differ.
    """
    spread = spread if task == "regression" else 1.0
    for scenario in declared:
        if why := _why(scenario, task, spread):
            raise SluiceError(
                f"src/usecase/scenarios.py: the scenario {scenario.name!r} cannot fail: {why}"
            )


def _why(scenario: AnyScenario, task: Task, spread: float) -> str | None:
    if isinstance(scenario, Invariance | Direction) and len(set(scenario.values)) < 2:
        return "give at least two different values"
    if isinstance(scenario, Invariance | Direction | Alone | Recorded):
        most = _LARGEST_TOLERANCE * spread
        if scenario.tolerance > most:
            return f"its tolerance is {scenario.tolerance:g}, expected at most {most:.3g}"
    if isinstance(scenario, Edge) and not scenario.change and not scenario.without:
        return "it changes no column"
    if isinstance(scenario, Known) and scenario.decision is None and _is_open(scenario, task):
        return "name the decision, or a range that does not contain all scores"
    # A scenario without a range says that every row of the sample can be scored.
    ranged = isinstance(scenario, Sample) and (scenario.low, scenario.high) != (None, None)
    if isinstance(scenario, Sample) and ranged and _is_open(scenario, task):
        return "its range contains every possible mean score"
    return None


def _is_open(scenario: Known | Sample, task: Task) -> bool:
    if task == "regression":
        return scenario.low is None and scenario.high is None
    return (scenario.low or 0.0) <= 0 and (1.0 if scenario.high is None else scenario.high) >= 1
