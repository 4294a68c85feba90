"""Bounds and scenarios that no model can fail, and gates that a coin toss passes, are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sluice import config
from sluice.check import coin_toss, hollow
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.metrics import Predictions
from sluice.scenario import AnyScenario, Direction, Edge, Invariance, Known, Sample
from support.fixture_project import params

Change = Callable[[dict[str, Any]], object]


def load(tmp_path: Path, change: Change, task: str = "binary") -> Settings:
    made = params(task)
    change(made)
    (tmp_path / "params.yaml").write_text(json.dumps(made), "utf-8")
    return config.load(tmp_path / "params.yaml")


def _bound(section: str, name: str, **ends: float) -> Change:
    return lambda made: made[section]["bounds"].update({name: ends})


def _value(section: str, name: str, value: float) -> Change:
    return lambda made: made[section].update({name: value})


def _cheap(made: dict[str, Any]) -> None:
    made["selection"]["costs"] = {"false_negative": 4e-9, "false_positive": 1e-9}
    made["performance"]["bounds"]["cost"] = {"high": 0.6}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_bound("performance", "roc_auc", low=-5), "performance.bounds.roc_auc.low is -5, which"),
        (_bound("performance", "roc_auc", low=0), "which every value meets: expected more than 0"),
        (_bound("performance", "roc_auc", low=1.2), "which no value reaches: expected at most 1"),
        (_bound("performance", "brier", high=1), "brier.high is 1, which every value meets"),
        (_bound("performance", "brier", high=-0.1), "which no value reaches: expected at least 0"),
        (
            _cheap,
            "performance.bounds.cost.high is 0.6, which every value meets: expected less than",
        ),
        (_value("performance", "over_baselines", -1e9), "over_baselines is -1e+09, which every"),
        (_value("performance", "over_baselines", 3), "over_baselines is 3, which no value reaches"),
        (_value("quality", "leakage", 1), "quality.leakage is 1, which every value meets"),
        (
            _value("quality", "combined_leakage", 1),
            "combined_leakage is 1, which every value meets",
        ),
        (_value("quality", "duplicates", 1), "quality.duplicates is 1, which every value meets"),
        (_value("quality", "class_share", 0), "quality.class_share is 0, which every value meets"),
        (_value("quality", "mostly", 0), "quality.mostly is 0, which every value meets"),
        (_value("explanation", "proxy", 1), "explanation.proxy is 1, which every value meets"),
        (_value("explanation", "largest_share", 1), "largest_share is 1, which every value meets"),
        (
            _bound("fairness", "selection_rate_difference", high=1),
            "selection_rate_difference.high is 1, which every value meets",
        ),
        (_bound("load", "error_rate", high=0.999), "error_rate.high is 0.999, which every"),
        (_bound("load", "throughput", low=0), "throughput.low is 0, which every value meets"),
        (_bound("load", "p95_ms", high=1e9), "p95_ms.high is 1e+09, which every value meets"),
    ],
)
def test_a_bound_without_effect_is_refused_and_named(
    tmp_path: Path, change: Change, why: str
) -> None:
    load(tmp_path, lambda made: None)
    with pytest.raises(SluiceError) as caught:
        load(tmp_path, change)
    assert why in str(caught.value)
    assert str(caught.value).startswith("params.yaml: ")


def _outcome(settings: Settings, strength: float) -> Predictions:
    random = np.random.default_rng(4)
    truth = random.integers(0, 2, 2_000)
    scores = 1 / (1 + np.exp(-(strength * (truth - 0.5) + random.standard_normal(2_000))))
    decisions = (scores >= 0.5).astype(np.int64)
    return Predictions("binary", truth, scores, decisions, {}, tuple(settings.classes))


def _rivals(outcome: Predictions) -> dict[str, Predictions]:
    flat = Predictions(
        outcome.task,
        outcome.truth,
        np.full(len(outcome.truth), 0.5),
        np.zeros(len(outcome.truth), np.int64),
        {},
        outcome.classes,
    )
    return {"the majority class": flat}


@pytest.mark.parametrize(
    ("low", "over", "nothing"),
    [
        (0.3, -0.9, True),
        (0.3, 0.05, False),
        (0.75, -0.9, False),
        (0.75, 0.01, False),
        # A coin toss reaches 0.5 and gains 0, but not with its entire interval, so it is refused.
        (0.49, 0.0, False),
        (0.49, -0.01, False),
    ],
)
def test_bounds_that_admit_a_coin_toss_are_insufficient(
    tmp_path: Path, low: float, over: float, *, nothing: bool
) -> None:
    def change(made: dict[str, Any]) -> None:
        made["performance"] |= {"bounds": {"roc_auc": {"low": low}}, "over_baselines": over}

    settings = load(tmp_path, change)
    outcome = _outcome(settings, 3.0)
    found = coin_toss.findings(settings, outcome, _rivals(outcome), None)
    assert [finding.name for finding in found] == ["performance/gates nothing"] * nothing
    assert all(finding.status == "insufficient" and not finding.passes for finding in found)


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        (Invariance(name="s", column="a", values=[1]), "at least two different values"),
        (Invariance(name="s", column="a", values=[1, 1.0]), "at least two different values"),
        (Invariance(name="s", column="a", values=[1, 2], tolerance=1.0), "its tolerance is 1"),
        (
            Direction(name="s", column="a", values=[1, 2], effect="not lower", tolerance=0.9),
            "its tolerance is 0.9, expected at most 0.25",
        ),
        (Direction(name="s", column="a", values=[3], effect="not lower"), "two different values"),
        (Edge(name="s"), "it changes no column"),
        (Known(name="s", row={}), "name the decision, or a range"),
        (Known(name="s", row={}, low=0.0, high=1.0), "name the decision, or a range"),
        (
            Sample(name="s", sample="holdout", low=0.0),
            "its range contains every possible mean score",
        ),
    ],
)
def test_a_scenario_that_cannot_fail_is_named(scenario: AnyScenario, why: str) -> None:
    with pytest.raises(SluiceError, match="the scenario 's' cannot fail") as caught:
        hollow.refuse([scenario], "binary", 1.0)
    assert why in str(caught.value)


def test_scenarios_that_can_fail_are_accepted() -> None:
    hollow.refuse(
        [
            Invariance(name="s", column="a", values=[1, None], tolerance=0.1),
            Edge(name="s", change={"a": 1}),
            Known(name="s", row={}, low=0.5),
            Known(name="s", row={}, decision="yes"),
            Sample(name="s", sample="holdout"),
            Sample(name="s", sample="holdout", low=0.1),
        ],
        "binary",
        1.0,
    )
    hollow.refuse([Invariance(name="s", column="a", values=[1, 2], tolerance=5)], "regression", 40)
