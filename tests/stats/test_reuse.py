"""The k-th model on the same rows gets a smaller risk, and the total risk stays small."""

from __future__ import annotations

import pytest
from scipy.stats import norm

from sluice.stats.reuse import share, tail, widened, widening


def test_the_total_risk_of_all_models_is_that_of_both_sides() -> None:
    assert tail(0.95, 1) == pytest.approx(0.025)
    assert sum(tail(0.95, k) for k in range(1, 10_000)) < 0.05
    assert [share(k) for k in range(1, 5)] == pytest.approx([1, 1 / 2, 1 / 6, 1 / 12])


def test_an_interval_is_widened_about_its_estimate() -> None:
    factor = widening(0.95, 10)
    assert factor == pytest.approx(norm.ppf(1 - 0.025 / 90) / norm.ppf(0.975))
    assert widened(0.8, (0.78, 0.81), 1.0) == pytest.approx((0.78, 0.81))
    assert widened(0.8, (0.78, 0.81), 2.0) == pytest.approx((0.76, 0.82))
