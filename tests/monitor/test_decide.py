"""The decision to retrain: the first rule that applies, with its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sluice.config import Retraining
from sluice.monitor import learning
from sluice.monitor.decide import Facts, decide, labels_needed
from sluice.verdict import Finding, Status, Verdict


def verdict(gate: str, status: Status) -> Verdict:
    return Verdict.of(gate, [Finding(f"{gate}/one", status, f"{gate} says {status.value}")])


GOOD = Facts(
    truth=verdict("ground-truth", Status.PASS),
    drift=verdict("drift", Status.PASS),
    metric="roc_auc",
    labels=3_000,
    needed=5_000,
    age=100,
    decisions=500.0,
)
SETTINGS = Retraining(cost=1_000, value=10, every=180)


def test_a_good_model_is_kept() -> None:
    made = decide(GOOD, SETTINGS)
    assert (made.action, made.rule) == ("keep", "none")
    assert "3,000 new labels; about 5,000 would show" in made.why
    assert made.verdict().passes


@pytest.mark.parametrize("status", ["truth", "drift"])
def test_performance_comes_before_drift(status: str) -> None:
    facts = replace(GOOD, drift=verdict("drift", Status.FAIL))
    if status == "truth":
        facts = replace(facts, truth=verdict("ground-truth", Status.FAIL))
    made = decide(facts, SETTINGS)
    assert made.rule == ("performance" if status == "truth" else "domain")
    assert made.verdict().status is Status.FAIL


def test_drift_leads_to_a_retraining_only_with_labels() -> None:
    drifted = replace(GOOD, drift=verdict("drift", Status.FAIL), truth=None, labels=0)
    made = decide(drifted, SETTINGS)
    assert made.action == "look"
    assert "0 new labels, about 5,000 are needed" in made.why
    assert decide(replace(drifted, labels=5_000), SETTINGS).action == "retrain"
    assert decide(replace(drifted, labels=9_999, needed=None), SETTINGS).action == "look"


def test_a_gain_justifies_a_retraining_if_it_exceeds_the_cost() -> None:
    """0.003 in 500 * 80 decisions of 10 each is 1,200."""
    made = decide(replace(GOOD, gain=0.003), SETTINGS)
    assert (made.action, made.rule) == ("retrain", "cost")
    assert "40,000 decisions" in made.why
    assert "1,200" in made.why
    assert decide(replace(GOOD, gain=0.002), SETTINGS).action == "keep"
    assert decide(replace(GOOD, gain=-0.1), SETTINGS).action == "keep"
    assert decide(replace(GOOD, gain=0.003), Retraining(every=180)).action == "keep"


def test_an_old_model_is_trained_again() -> None:
    made = decide(replace(GOOD, age=180), SETTINGS)
    assert (made.action, made.rule) == ("retrain", "schedule")


@pytest.mark.parametrize("facts", [
    replace(GOOD, truth=None),
    replace(GOOD, truth=verdict("ground-truth", Status.INSUFFICIENT)),
    replace(GOOD, drift=verdict("drift", Status.INSUFFICIENT)),
])  # fmt: skip
def test_an_unknown_state_does_not_pass(facts: Facts) -> None:
    made = decide(facts, SETTINGS)
    assert made.action == "wait"
    assert made.verdict().status is Status.INSUFFICIENT


def test_the_labels_that_are_needed() -> None:
    """The gains in ROC AUC are .02, .01 and .005, measured on the example's holdout."""
    spread = 0.01 / 2.49 * (5_349 / 7_400) ** 0.5
    needed = [labels_needed(spread, 7_400, gain=g, holdout=0.25) for g in (0.02, 0.01, 0.005)]
    assert needed == pytest.approx([4 * 1_337, 4 * 5_349, 4 * 21_397], rel=0.002)
    assert labels_needed(None, 100, gain=0.01, holdout=0.25) is None


def test_a_learning_curve_is_recovered_and_extrapolated() -> None:
    rows = np.array([500.0, 1_000, 2_000, 4_000, 8_000])
    curve = learning.of_curve(rows, 0.78 - 0.9 * rows**-0.5)
    assert curve.limit == pytest.approx(0.78, abs=1e-6)
    assert curve.at(16_000) == pytest.approx(0.78 - 0.9 * 16_000**-0.5, abs=1e-6)
