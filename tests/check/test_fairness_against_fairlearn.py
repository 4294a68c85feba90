"""Compare the means in the fairness gate with fairlearn's MetricFrame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from fairlearn import metrics as fair
from sklearn.metrics import mean_absolute_error

from sluice.check.group_measures import compare, measures
from sluice.check.groups import Grouping
from sluice.metrics import Predictions

SEEDS = range(6)
Names = list[str]


def mean_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float((predicted - truth).mean())


RATES: dict[str, Callable[..., Any]] = {
    "selection_rate": fair.selection_rate,
    "false_negative_rate": fair.false_negative_rate,
    "false_positive_rate": fair.false_positive_rate,
}
ERRORS: dict[str, Callable[..., Any]] = {
    "mean_error": mean_error,
    "absolute_error": mean_absolute_error,
}


def random_groups(random: np.random.Generator, rows: int, names: Names) -> Grouping:
    """Each row in a random group; every group has at least four rows."""
    drawn = np.concatenate([np.repeat(names, 4), random.choice(names, rows - 4 * len(names))])
    return grouped(names, drawn)


def grouped(names: Names, of: Sequence[str] | np.ndarray) -> Grouping:
    return Grouping(("of",), tuple(names), np.array([list(names).index(one) for one in of]))


def classified(random: np.random.Generator, rows: int, classes: int) -> Predictions:
    """Truth and decisions that are drawn independently of each other."""
    truth, said = random.integers(0, classes, (2, rows))
    task = "binary" if classes == 2 else "multiclass"
    names = tuple("abcdef"[:classes])
    return Predictions(task, truth, said.astype(np.float64), said, {}, names)


def expected(
    metric: Callable[..., Any], truth: np.ndarray, said: np.ndarray, grouping: Grouping
) -> dict[str, float]:
    """What fairlearn gives for each group, and between the groups."""
    frame = fair.MetricFrame(
        metrics=metric, y_true=truth, y_pred=said, sensitive_features=grouping.of
    )
    known = {f" in {group}": float(frame.by_group[group]) for group in grouping.names}
    return known | {" difference": float(frame.difference()), " ratio": float(frame.ratio())}


def agree(outcome: Predictions, grouping: Grouping, values: dict[str, float]) -> None:
    """Assert that `values` has fairlearn's results, for each class against the rest."""
    if outcome.task == "regression":
        for name, metric in ERRORS.items():
            for what, value in expected(metric, outcome.truth, outcome.scores, grouping).items():
                assert values[name + what] == pytest.approx(value, rel=1e-9), name + what
        return
    for k in [1] if outcome.task == "binary" else range(len(outcome.classes)):
        of = "" if outcome.task == "binary" else f" of {outcome.classes[k]}"
        truth, said = (outcome.truth == k).astype(int), (outcome.decisions == k).astype(int)
        for name, metric in RATES.items():
            for what, value in expected(metric, truth, said, grouping).items():
                assert values[name + of + what] == pytest.approx(value), name + of + what


def compared(outcome: Predictions, grouping: Grouping) -> dict[str, float]:
    """The mean of each group, and the difference and the ratio that were observed."""
    values = {}
    for measure in measures(outcome):
        found = compare(grouping, list(grouping.names), measure, None, tail=0.025)
        for group, interval in found.groups.items():
            values[f"{measure.name} in {group}"] = interval.estimate
        for what, interval in found.between.items():
            values[f"{measure.name} {what}"] = found.observed.get(what, np.nan)
            assert (what in found.observed) or np.isnan(interval.estimate)
    return values


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [2, 4])
def test_rates_of_random_groups(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    outcome = classified(random, 900, classes)
    grouping = random_groups(random, 900, ["x", "y", "z & w"])
    agree(outcome, grouping, compared(outcome, grouping))


@pytest.mark.parametrize("seed", SEEDS)
def test_errors_of_random_groups(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(5, 2, 400)
    predicted = truth + random.normal(1, 0.3, 400)
    outcome = Predictions("regression", truth, predicted, predicted, {})
    grouping = random_groups(random, 400, ["x", "y"])
    agree(outcome, grouping, compared(outcome, grouping))


def test_two_groups_that_are_treated_alike() -> None:
    truth = np.array([0, 0, 1, 1] * 2)
    said = np.array([0, 1, 1, 0] * 2)
    outcome = Predictions("binary", truth, said.astype(float), said, {}, ("no", "yes"))
    grouping = grouped(["x", "y"], ["x"] * 4 + ["y"] * 4)
    values = compared(outcome, grouping)
    agree(outcome, grouping, values)
    assert values["selection_rate difference"] == 0
    assert values["selection_rate ratio"] == 1


def test_a_rate_that_is_undefined_in_one_group_has_no_comparison() -> None:
    """Without a positive row there is no false-negative rate; fairlearn says 0."""
    truth = np.array([0, 0, 1, 1, 0, 0])
    said = np.array([0, 1, 1, 0, 0, 1])
    outcome = Predictions("binary", truth, said.astype(float), said, {}, ("no", "yes"))
    grouping = grouped(["x", "y"], ["x"] * 4 + ["y"] * 2)
    values = compared(outcome, grouping)
    for what in ("in y", "difference", "ratio"):
        assert np.isnan(values[f"false_negative_rate {what}"]), what
    assert values["selection_rate difference"] == 0


def test_a_group_without_rows_has_no_comparison() -> None:
    random = np.random.default_rng(1)
    outcome = classified(random, 40, 2)
    grouping = grouped(["x", "gone"], ["x"] * 40)
    values = compared(outcome, grouping)
    for name in RATES:
        for what in ("in gone", "difference", "ratio"):
            assert np.isnan(values[f"{name} {what}"]), what


def test_nobody_is_selected_in_any_group() -> None:
    """The difference of two zeros is defined, their ratio is not: neither group comes first."""
    truth, said = np.array([0, 1] * 4), np.zeros(8, int)
    outcome = Predictions("binary", truth, said.astype(float), said, {}, ("no", "yes"))
    grouping = grouped(["x", "y"], ["x"] * 4 + ["y"] * 4)
    values = compared(outcome, grouping)
    assert values["selection_rate difference"] == 0
    assert np.isnan(values["selection_rate ratio"])


def test_one_row_a_group() -> None:
    truth, said = np.array([1, 1]), np.array([1, 0])
    outcome = Predictions("binary", truth, said.astype(float), said, {}, ("no", "yes"))
    grouping = grouped(["x", "y"], ["x", "y"])
    values = compared(outcome, grouping)
    assert values["selection_rate difference"] == 1
    assert values["selection_rate ratio"] == 0
    assert np.isnan(values["false_positive_rate difference"])
