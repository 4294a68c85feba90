"""The area under the ROC curve and its standard error."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sluice.stats import auc


def test_the_area_is_scikit_learns() -> None:
    random = np.random.default_rng(4)
    first, second = random.normal(0, 1, 300).round(1), random.normal(0.4, 1, 200).round(1)
    area, error = auc.of(first, second)
    side = np.repeat([0, 1], [300, 200])
    assert area == pytest.approx(roc_auc_score(side, np.concatenate([first, second])))
    # DeLong's variance from its definition: the placements of each score.
    above = np.array([((first < s) + (first == s) / 2).mean() for s in second])
    below = np.array([((second > s) + (second == s) / 2).mean() for s in first])
    expected = above.var(ddof=1) / 200 + below.var(ddof=1) / 300
    assert error == pytest.approx(expected**0.5)


def test_the_one_sided_test_holds_its_level() -> None:
    random = np.random.default_rng(5)
    values = []
    for _ in range(1_000):
        area, error = auc.of(random.normal(size=150), random.normal(size=150))
        values.append(auc.exceeds_half(area, error))
    assert 0.03 < np.mean(np.array(values) < 0.05) < 0.075
    assert auc.exceeds_half(0.7, 0.02) < 1e-6
    assert auc.exceeds_half(1.0, 0.0) == 0
