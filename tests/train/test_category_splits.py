"""Splits on sets of categories, once replaced by thresholds, decide as they did before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from sluice.train import category_splits

CATEGORIES = [1, 3]


def fitted(task: str, levels: int, seed: int) -> tuple[Any, np.ndarray]:
    """A small model, and rows to score: with missing values and codes that training lacked."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(600, 4))
    rows[:, 1], rows[:, 3] = random.integers(0, levels, 600), random.integers(0, 4, 600)
    rows[:, 1] = np.where(rows[:, 1] == levels // 2, 0, rows[:, 1])  # a gap among the codes
    effect = random.normal(size=levels)[rows[:, 1].astype(int)]
    signal = effect * rows[:, 0] + (rows[:, 3] == 2) + effect + random.normal(size=600) / 5
    rows[random.random(rows.shape) < 0.05] = np.nan
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(max_iter=8, categorical_features=CATEGORIES, random_state=0)
    cuts = {"regression": [], "binary": [0.0], "multiclass": [-1.0, 1.0]}[task]
    model.fit(rows, signal if task == "regression" else np.digitize(signal, cuts))
    tried = rows.copy()
    tried[:, 1] = np.where(random.random(600) < 0.3, random.integers(0, 300, 600), rows[:, 1])
    tried[:, 3] = np.where(random.random(600) < 0.3, random.integers(0, 9, 600), rows[:, 3])
    return model, tried


def sets_in(model: Any) -> int:
    nodes = (predictor.nodes for stage in model._predictors for predictor in stage)
    return sum(int(each["is_categorical"].sum()) for each in nodes)


def scores(model: Any, rows: np.ndarray) -> np.ndarray:
    return getattr(model, "predict_proba", model.predict)(rows)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@settings(max_examples=6, deadline=None, derandomize=True)
@given(levels=st.integers(2, 254), seed=st.integers(0, 2**16))
def test_a_model_without_sets_scores_as_before(task: str, levels: int, seed: int) -> None:
    model, rows = fitted(task, levels, seed)
    expected, count = scores(model, rows), sets_in(model)
    category_splits.replace(model)
    assert count > 0
    assert sets_in(model) == 0
    assert (scores(model, rows) == expected).all()


def test_a_model_without_categories_stays_as_it_is() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 2))
    model = HistGradientBoostingRegressor(max_iter=3).fit(rows, rows[:, 0])
    before = [stage[0].nodes.tobytes() for stage in model._predictors]
    category_splits.replace(model)
    assert [stage[0].nodes.tobytes() for stage in model._predictors] == before
