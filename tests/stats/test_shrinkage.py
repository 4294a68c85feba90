"""Shrinkage of many estimates, and how often a segment is judged wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.segment_gains import gains
from sluice.stats.shrinkage import shrunken


def test_equal_true_values_are_shrunk_to_their_common_mean():
    random = np.random.default_rng(1)
    estimates = 3 + random.normal(size=2_000) * 0.5
    means, deviations = shrunken(estimates, np.full(2_000, 0.5))
    assert np.abs(means - 3).max() < 0.25
    assert np.std(means) < 0.1 < np.std(estimates)
    assert (deviations < 0.3).all()


def test_the_intervals_contain_the_true_values_as_often_as_they_say():
    random = np.random.default_rng(2)
    truth = 1 + random.normal(size=5_000) * 0.4
    errors = random.uniform(0.1, 1, 5_000)
    means, deviations = shrunken(truth + random.normal(size=5_000) * errors, errors)
    inside = np.abs(means - truth) < 1.6449 * deviations
    assert inside.mean() == pytest.approx(0.9, abs=0.02)
    assert np.mean((means - truth) ** 2) < 0.5 * np.mean(errors**2)


def test_a_single_estimate_stays_as_it_is():
    means, deviations = shrunken(np.array([2.0]), np.array([0.1]))
    assert (means[0], deviations[0]) == pytest.approx((2.0, 0.1))


def _judged(true_gain: np.ndarray, rows: int, seed: int) -> list[str]:
    """The statuses of segments whose losses have this mean and a standard deviation of 1."""
    random = np.random.default_rng(seed)
    names = [str(n) for n in range(len(true_gain))]
    labels = np.repeat(names, rows)
    gained = np.repeat(true_gain, rows) + random.normal(size=len(labels))
    rest = np.zeros(len(labels))
    return [one.status for one in gains(names, labels, rest - gained, rest)]


def test_bad_models_are_found_among_many_good_ones_and_few_good_ones_are_refused():
    truth = np.full(1_000, 0.3)
    truth[:20] = -0.6
    found = np.array(_judged(truth, 60, seed=3))
    assert (found[:20] == "fail").mean() >= 0.95
    assert (found[:20] == "pass").sum() == 0
    assert (found[20:] == "fail").mean() <= 0.005
    assert (found[20:] == "pass").mean() >= 0.95


def test_models_that_gain_nothing_do_not_pass():
    """The true losses are equal: few segments pass by chance, and few are judged worse."""
    found = np.array([_judged(np.zeros(200), 50, seed) for seed in range(20)])
    assert (found == "pass").mean() <= 0.15
    assert (found == "fail").mean() <= 0.15


def test_a_segment_without_rows_or_with_constant_losses_is_insufficient():
    labels = ["a"] * 50 + ["b"] * 9 + ["c"] * 50
    rest = np.concatenate([np.random.default_rng(0).normal(5, 1, 59), np.ones(50)])
    found = gains(["a", "b", "c", "d"], labels, np.zeros(109), rest)
    assert [one.status for one in found] == ["pass", "insufficient", "insufficient", "insufficient"]
    assert [one.rows for one in found] == [50, 9, 50, 0]
