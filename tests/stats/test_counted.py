"""The metrics from counts are those of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.metrics import Predictions, of_task
from sluice.stats import counted


@pytest.mark.parametrize("decimals", [1, 2, 9])
def test_metrics_from_counts_are_those_of_the_rows(decimals: int) -> None:
    random = np.random.default_rng(decimals)
    scores = random.beta(2, 5, 3_000).round(decimals)
    truth = (random.random(3_000) < scores).astype(np.int64)
    flagged = scores >= 0.4
    groups = counted.group(scores, flagged, np.zeros(3_000, np.intp), truth)
    found = counted.metrics(groups, groups.counts[None], (1.0, 4.0))
    costs = {"false_positive": 1.0, "false_negative": 4.0}
    rows = Predictions("binary", truth, scores, flagged.astype(np.int64), costs, ("no", "yes"))
    # Of many different scores, neighbours are grouped.
    tolerance = 1e-9 if decimals < 4 else 2e-3
    for name, metric in of_task("binary").items():
        # Rows with equal scores fall into one group or the next by their order in the table.
        allowed = 0.02 if name == "calibration_error" and decimals < 4 else tolerance
        assert found[name][0] == pytest.approx(metric.compute(rows), abs=allowed), name


def test_the_bootstrap_of_counts_spreads_like_that_of_rows() -> None:
    random = np.random.default_rng(8)
    scores = random.random(1_500).round(2)
    truth = (random.random(1_500) < scores).astype(np.int64)
    groups = counted.group(scores, scores > 0.5, np.zeros(1_500, np.intp), truth)
    drawn = counted.metrics(groups, counted.resampled(groups, 400, 1))["roc_auc"]
    areas = []
    for _ in range(200):
        rows = random.integers(0, 1_500, 1_500)
        part = Predictions("binary", truth[rows], scores[rows], truth[rows], {}, ("no", "yes"))
        areas.append(of_task("binary")["roc_auc"].compute(part))
    assert np.std(drawn) == pytest.approx(np.std(areas), rel=0.2)


def test_a_metric_without_rows_of_a_class_is_not_a_number() -> None:
    scores = np.array([0.2, 0.8])
    groups = counted.group(scores, scores > 0.5, np.zeros(2, np.intp), np.zeros(2, np.int64))
    found = counted.metrics(groups, groups.counts[None])
    assert np.isnan(found["roc_auc"][0])
    assert np.isnan(found["recall"][0])
    assert found["accuracy"][0] == 0.5
