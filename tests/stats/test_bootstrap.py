"""Confidence intervals contain the truth as often as they say, also for rows in clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.stats.bootstrap import Clusters, Rows, draw, effective_size, intervals


def test_the_bootstrap_interval_of_a_mean() -> None:
    """It equals the interval of the normal approximation, and depends only on the seed."""
    values = np.random.default_rng(3).normal(5, 2, 800)

    def statistic(rows: Rows) -> dict[str, float]:
        drawn = float(values[rows].mean())
        return {"mean": drawn, "undefined": float("nan") if drawn > values.mean() else drawn}

    def spans(seed: int) -> dict[str, tuple[float, float]]:
        return intervals(
            statistic, 800, resamples=1_000, confidence=0.95, seed=seed, doing="the mean"
        )

    first = spans(1)
    half = 1.96 * values.std() / 800**0.5
    assert first["mean"] == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert np.isnan(first["undefined"]).all()
    assert spans(1)["mean"] == first["mean"]
    assert spans(2)["mean"] != first["mean"]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(0, 99))
def test_all_rows_of_a_cluster_are_drawn_equally_often(sizes: list[int], seed: int) -> None:
    clusters = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = draw(np.random.default_rng(seed), len(clusters), clusters=clusters)
    times = np.bincount(rows, minlength=len(clusters))
    for cluster in range(len(sizes)):
        assert len(set(times[clusters == cluster])) == 1
    drawn = sum(times[np.argmax(clusters == cluster)] for cluster in range(len(sizes)))
    assert drawn == len(sizes)


def test_rows_without_clusters_are_drawn_as_clusters_of_one_row() -> None:
    alone = draw(np.random.default_rng(3), 50)
    assert alone.tolist() == draw(np.random.default_rng(3), 50, clusters=np.arange(50)).tolist()
    assert len(draw(np.random.default_rng(3), 50, size=20)) == 20


def test_rows_are_worth_as_many_as_there_are_clusters_of_equal_size() -> None:
    assert effective_size(np.repeat(np.arange(12), 5)) == pytest.approx(12)
    assert effective_size(np.arange(12)) == pytest.approx(12)
    assert effective_size(np.zeros(12, int)) == pytest.approx(1)


def coverage(*, clustered: bool, trials: int) -> float:
    """How often the interval of a mean contains 0, for 40 clusters of 10 similar rows."""
    random, hits = np.random.default_rng(0), 0
    clusters: Clusters = np.repeat(np.arange(40), 10)
    for trial in range(trials):
        values = random.normal(size=40)[clusters] + random.normal(size=400)

        def statistic(rows: Rows, values: np.ndarray = values) -> dict[str, float]:
            return {"mean": float(values[rows].mean())}

        low, high = intervals(
            statistic,
            len(values),
            clusters=clusters if clustered else None,
            resamples=100,
            confidence=0.95,
            seed=trial,
            doing="the mean",
        )["mean"]
        hits += low <= 0 <= high
    return hits / trials


def test_an_interval_from_clusters_contains_the_truth_and_one_from_rows_does_not() -> None:
    """Of 95 % promised, intervals from single rows contain the mean in about half of all cases."""
    assert coverage(clustered=True, trials=120) > 0.88
    assert coverage(clustered=False, trials=120) < 0.65
