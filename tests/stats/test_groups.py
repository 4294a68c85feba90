"""Intervals between groups contain the truth, and a group that is known to be fair does not fail.

The shares over thousands of tables, with their bounds, are in docs/statistics.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from sluice.stats.groups import each, largest_difference, means, smallest_ratio

TAIL = 0.025


def rates_of(random: np.random.Generator, rates: np.ndarray, rows: int) -> tuple[np.ndarray, ...]:
    codes = random.integers(0, len(rates), rows)
    return codes, (random.random(rows) < rates[codes]).astype(float)


@pytest.mark.parametrize("rows", [800, 7_444])
@pytest.mark.parametrize("groups", [2, 3, 12])
def test_rates_of_groups(groups: int, rows: int) -> None:
    """Rates that differ by .07, where the bound is .1: the truth is covered, and it never fails."""
    random = np.random.default_rng(groups * rows)
    rates = np.full(groups, 0.2)
    rates[0] += 0.07
    covered = failed = 0
    off = []
    for _ in range(150):
        found = means(*rates_of(random, rates, rows), groups, rates=True)
        estimate, low, high = largest_difference(found, TAIL)
        ratio = smallest_ratio(found, TAIL)
        covered += low <= 0.07 <= high and ratio.low <= 0.2 / 0.27 <= ratio.high
        failed += low > 0.1
        off.append(estimate - 0.07)
    assert covered >= 0.91 * 150
    assert failed <= 2
    assert abs(np.mean(off)) < 0.03


def test_equal_rates_are_not_mistaken_for_different_ones() -> None:
    """Among 12 groups of 66 rows, some two differ by .18 on average."""
    random = np.random.default_rng(7)
    drawn = [means(*rates_of(random, np.full(12, 0.3), 800), 12, rates=True) for _ in range(60)]
    estimates = [largest_difference(one, TAIL).estimate for one in drawn]
    observed = [float(np.ptp(one.observed)) for one in drawn]
    assert np.mean(observed) > 0.15
    assert np.mean(estimates) < 0.07


def test_two_groups_of_numbers_get_welchs_interval() -> None:
    from scipy.stats import ttest_ind

    random = np.random.default_rng(3)
    one, two = random.normal(1, 2, 30), random.normal(4, 1, 12)
    codes = np.repeat([0, 1], [30, 12])
    found = means(codes, np.concatenate([one, two]), 2, rates=False)
    expected = ttest_ind(two, one, equal_var=False).confidence_interval(0.95)
    assert largest_difference(found, TAIL).high == pytest.approx(expected.high)
    assert largest_difference(found, 2 * TAIL).low == pytest.approx(expected.low)
    alone = each(found, TAIL)[0]
    half = 2.0452 * one.std(ddof=1) / 30**0.5  # the t quantile of 29 degrees of freedom
    assert alone.high - alone.estimate == pytest.approx(half, rel=1e-3)


def test_rows_of_one_cluster_are_no_more_evidence_than_one_row() -> None:
    random = np.random.default_rng(4)
    codes, values = rates_of(random, np.array([0.3, 0.5]), 200)
    alone = largest_difference(means(codes, values, 2, rates=False), TAIL)
    ten = [np.repeat(column, 10) for column in (codes, values)]
    clusters = np.repeat(np.arange(200), 10)
    clustered = largest_difference(means(*ten, 2, rates=False, clusters=clusters), TAIL)
    assert clustered == pytest.approx(alone)
    naive = largest_difference(means(*ten, 2, rates=False), TAIL)
    assert naive.high - naive.low < 0.5 * (alone.high - alone.low)


def test_a_rate_of_zero_is_not_known_exactly() -> None:
    codes = np.repeat([0, 1], 60)
    found = means(codes, np.zeros(120), 2, rates=True)
    estimate, low, high = largest_difference(found, TAIL)
    assert (estimate, low) == (0, 0)
    assert 0.03 < high < 0.1
    assert np.isnan(smallest_ratio(found, TAIL)).all()


def test_a_group_without_rows_has_no_interval() -> None:
    found = means(np.zeros(5, int), np.ones(5), 2, rates=True)
    assert np.isnan(largest_difference(found, TAIL)).all()
    assert np.isnan(each(found, TAIL)[1].low)
