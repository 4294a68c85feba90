"""Confidence intervals contain the truth as often as stated, even for rows in clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.metrics import METRICS, Predictions
from sluice.stats import bootstrap
from sluice.stats.bootstrap import (
    ENOUGH_ROWS,
    Clusters,
    Rows,
    draw,
    effective_size,
    intervals,
    resampled_share,
)


def test_the_bootstrap_interval_of_a_mean() -> None:
    """The interval equals that of the normal approximation, and depends only on the seed."""
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


def test_the_effective_number_of_rows_is_that_of_equal_clusters() -> None:
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
    """95 % intervals from single rows contain the mean in only about half of all cases."""
    assert coverage(clustered=True, trials=120) > 0.88
    assert coverage(clustered=False, trials=120) < 0.65


def of_scores(scores: np.ndarray, truth: np.ndarray) -> Callable[[Rows], dict[str, float]]:
    outcome = Predictions(
        "binary",
        truth,
        scores,
        (scores > 0.3).astype(np.int64),
        {"false_negative": 4.0},
        ("0", "1"),
    )
    names = ("roc_auc", "average_precision", "log_loss", "brier", "recall", "precision", "cost")

    def statistic(rows: Rows) -> dict[str, float]:
        drawn = outcome.rows(rows)
        return {name: METRICS[name].compute(drawn) for name in names}

    return statistic


@pytest.mark.parametrize("positive", [0.3, 0.03])
def test_resamples_of_fewer_rows_give_the_same_intervals(
    positive: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of these intervals differ from those of full resamples only by chance."""
    random = np.random.default_rng(5)
    truth = (random.random(10_000) < positive).astype(np.int64)
    statistic = of_scores(1 / (1 + np.exp(1.5 - 1.2 * truth - random.normal(0, 1, 10_000))), truth)
    rarest = int(truth.sum())

    def spans() -> dict[str, tuple[float, float]]:
        return intervals(
            statistic,
            10_000,
            rarest=rarest,
            resamples=200,
            confidence=0.95,
            seed=1,
            doing="metrics",
        )

    assert resampled_share(10_000, None, rarest) == 1
    every = spans()
    monkeypatch.setattr(bootstrap, "ENOUGH_ROWS", 2_000)
    monkeypatch.setattr(bootstrap, "_ENOUGH_RARE", 60)
    assert 0.2 <= resampled_share(10_000, None, rarest) <= 0.6
    for name, (low, high) in spans().items():
        # The end of an interval from 200 resamples has an error of .19 of these standard errors.
        error = (every[name][1] - every[name][0]) / 3.92
        assert (low, high) == pytest.approx(every[name], abs=0.8 * error), name


def test_resamples_of_fewer_clusters_give_the_interval_of_their_means(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(6)
    clusters = np.repeat(np.arange(4_000), 5)
    values = random.normal(0, 1, 4_000)[clusters] + random.normal(0, 0.1, 20_000)
    monkeypatch.setattr(bootstrap, "ENOUGH_ROWS", 500)
    monkeypatch.setattr(bootstrap, "_ENOUGH_CLUSTERS", 400)
    assert resampled_share(20_000, clusters, None) == pytest.approx(0.1)
    low, high = intervals(
        lambda rows: {"mean": float(values[rows].mean())},
        20_000,
        clusters=clusters,
        resamples=1_000,
        confidence=0.95,
        seed=2,
        doing="the mean",
    )["mean"]
    error = float(values.reshape(-1, 5).mean(axis=1).std() / 4_000**0.5)
    assert high - low == pytest.approx(3.92 * error, rel=0.08)
    assert low < values.mean() < high


def test_few_rows_are_resampled_whole() -> None:
    assert resampled_share(ENOUGH_ROWS, None, None) == 1
    assert resampled_share(2 * ENOUGH_ROWS, None, None) == 0.5
    # Otherwise a resample might have hardly a row of the rarest class, or few clusters.
    assert resampled_share(2 * ENOUGH_ROWS, None, 30) == 1
    assert resampled_share(2 * ENOUGH_ROWS, np.arange(2 * ENOUGH_ROWS) % 200, None) == 1
