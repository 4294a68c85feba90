"""The two-sample tests agree with SciPy's, and keep their error rates."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.stats import two_sample
from sluice.stats.two_sample import Difference

COUNTS = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=2, max_size=25)


def arrays(pairs: list[tuple[int, int]]) -> tuple[two_sample.Floats, two_sample.Floats]:
    first, second = np.array(pairs, float).T
    return first, second


@given(COUNTS)
def test_pearsons_statistic_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = arrays(pairs)
    seen = first + second > 0
    found = two_sample.chi_squared(first, second)
    if not first.sum() or not second.sum() or seen.sum() < 2:
        assert found.statistic == 0
        return
    theirs = scipy.stats.chi2_contingency([first[seen], second[seen]], correction=False)
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-9)
    assert found.freedom == theirs.dof
    assert two_sample.any_difference(found) == pytest.approx(theirs.pvalue, abs=1e-9)


@given(COUNTS)
def test_the_rank_sum_test_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = arrays(pairs)
    places = np.arange(len(first))
    one, two = (np.repeat(places, counts.astype(int)) for counts in (first, second))
    ours = two_sample.wilcoxon(first, second)
    if not len(one) or not len(two) or len(set(one) | set(two)) == 1:
        assert ours == 1
        return
    theirs = scipy.stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=False)
    assert ours == pytest.approx(theirs.pvalue, abs=1e-9)


@example(0.0, 3, 100.0, 0.01)
@given(st.floats(1e-3, 3000), st.integers(1, 100), st.floats(1, 1e5), st.floats(1e-4, 0.1))
def test_the_minimum_effect_test_is_scipys_tail(
    statistic: float, freedom: int, rows: float, floor: float
) -> None:
    ours = two_sample.larger_difference(Difference(statistic, freedom, rows), floor)
    theirs = scipy.stats.ncx2.sf(statistic, freedom, rows * floor)
    assert ours == pytest.approx(theirs, abs=1e-9)


@given(st.lists(st.floats(1e-6, 0.999), min_size=1, max_size=30), st.floats(0.001, 0.3))
def test_the_procedure_of_benjamini_and_hochberg_is_scipys(
    values: list[float], alpha: float
) -> None:
    ours = two_sample.rejected(np.array(values), alpha)
    theirs = scipy.stats.false_discovery_control(values)
    clear = np.abs(theirs - alpha) > 1e-9
    assert (ours == (theirs <= alpha))[clear].all()


@given(st.lists(st.floats(1e-12, 1 - 1e-9), min_size=1, max_size=30))
def test_the_cauchy_combination_is_scipys_tail(values: list[float]) -> None:
    statistic = np.mean([scipy.stats.cauchy.isf(value) for value in values])
    ours = two_sample.combine(np.array(values))
    assert ours == pytest.approx(scipy.stats.cauchy.sf(statistic), rel=1e-3, abs=1e-6)
    assert two_sample.combine(np.array([1e-250, 0.5])) == pytest.approx(2e-250)


@given(COUNTS, st.booleans())
def test_merged_bins_expect_five_rows_and_lose_none(
    pairs: list[tuple[int, int]], ordered: bool
) -> None:
    first, second = arrays(pairs)
    one, two = two_sample.merge(first, second, ordered=ordered)
    assert (one.sum(), two.sum()) == (first.sum(), second.sum())
    total = one + two
    if len(total) > 1:
        least = total * min(one.sum(), two.sum()) / total.sum()
        assert least.min() >= 5 - 1e-9


def test_a_rare_kind_of_row() -> None:
    """If no training row is of this kind, two of 500 new rows can be due to chance, but ten
    cannot.
    """
    seldom, often = (two_sample.larger_share((0, 15_000), (k, 500), 0.05) for k in (2, 10))
    assert seldom > 0.1
    assert often < 1e-5
    share = two_sample.small_share(0.01, 15_000, 500, 0.05)
    pair = np.array([[150, 14_850], [500 * share, 500 * (1 - share)]])
    assert two_sample.chi_squared(*pair).statistic / (15_000 * 500 / 15_500) == pytest.approx(0.05)


def test_the_rows_that_are_needed_find_the_difference_in_four_of_five_samples() -> None:
    alpha, floor, bins = 1e-4, 0.01, 20
    before = np.full(bins, 750.0)
    shares = scipy.stats.norm.cdf(scipy.stats.norm.ppf(np.arange(1, bins) / bins), 0.25)
    shares = np.diff(np.concatenate([[0], shares, [1]]))
    size = float(((shares - 1 / bins) ** 2 * bins).sum())
    needed = two_sample.rows_needed(15_000, bins - 1, size=size, floor=floor, alpha=alpha)
    assert needed is not None
    random = np.random.default_rng(5)
    found = [
        two_sample.larger_difference(
            two_sample.chi_squared(before, random.multinomial(needed, shares).astype(float)), floor
        )
        <= alpha
        for _ in range(600)
    ]
    # The reference has no noise here, and the pooled shares change the size.
    assert 0.72 < np.mean(found) < 0.97
    assert two_sample.rows_needed(100, 19, size=0.0625, floor=0.01, alpha=alpha) is None


def test_the_minimum_effect_test_refuses_chance_and_what_is_small() -> None:
    random = np.random.default_rng(11)
    shares = np.full(20, 1 / 20)
    values = []
    for _ in range(2000):
        first, second = (random.multinomial(n, shares).astype(float) for n in (15_000, 3_500))
        values.append(two_sample.larger_difference(two_sample.chi_squared(first, second), 0.01))
    assert np.mean(np.array(values) < 0.05) < 0.01
