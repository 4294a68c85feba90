"""A calibrated model passes with few rows, and one that is not calibrated does not."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.check.calibration import Calibration, calibration
from sluice.metrics import Predictions

BOUND = 0.04


def measured(
    seed: int, rows: int, off: float = 0.0, *, copies: int = 1, tail: float = 0.025
) -> Calibration:
    """The error of scores that are too low by `off`, with every row repeated `copies` times."""
    random = np.random.default_rng(seed)
    scores = np.repeat(1 / (1 + np.exp(-random.normal(-1.5, 1, rows))), copies)
    truth = np.repeat(random.random(rows) < scores[::copies] + off, copies).astype(np.int64)
    outcome = Predictions("binary", truth, scores, truth, {}, ("no", "yes"))
    clusters = np.repeat(np.arange(rows), copies) if copies > 1 else None
    return calibration(outcome, clusters, bound=BOUND, tail=tail)


def share(condition: str, **options: float) -> float:
    found = [measured(seed, **options).error for seed in range(200)]
    passes = [error.high <= BOUND for error in found]
    return float(np.mean(passes if condition == "passes" else [e.low > BOUND for e in found]))


@pytest.mark.parametrize("copies", [1, 5])
def test_a_calibrated_model_of_800_rows(copies: int) -> None:
    assert share("passes", rows=800, copies=copies) >= 0.8
    assert share("fails", rows=800, copies=copies) == 0


def test_a_model_whose_error_is_the_bound() -> None:
    assert share("passes", rows=800, off=BOUND) <= 0.3
    assert share("passes", rows=7_444, off=BOUND) <= 0.06
    assert share("fails", rows=7_444, off=BOUND) <= 0.06


def test_a_model_whose_error_is_twice_the_bound() -> None:
    assert share("passes", rows=800, off=2 * BOUND) <= 0.02
    assert share("fails", rows=7_444, off=2 * BOUND) >= 0.98


def test_few_rows_are_reported() -> None:
    """With few rows, the upper end is less reliable than the lower one; `risk` states that."""
    assert measured(1, 7_444).risk == 0.025
    assert 0.1 < measured(1, 800).risk <= 0.25
    assert measured(1, 800, tail=0.001).error.high >= measured(1, 800).error.high


def test_certain_scores_have_no_noise() -> None:
    truth = np.array([0, 1] * 50)
    outcome = Predictions("binary", truth, truth.astype(float), truth, {}, ("no", "yes"))
    assert calibration(outcome, None, bound=BOUND, tail=0.025).error == (0, 0, 0)
