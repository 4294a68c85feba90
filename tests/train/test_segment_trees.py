"""Boosted trees as plain arrays: they predict what scikit-learn predicts, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from sluice.errors import SluiceError
from sluice.train import segment_groups, segment_kinds, segment_trees
from sluice.train.segment_progress import Progress

LEVELS = 9


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread, as commands do; on a busy machine, several wait for each other."""
    with threadpool_limits(1):
        yield


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers and two categories as codes, some of them missing, and the target that depends on
    them.
    """
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 2)).round(1)
    codes = random.integers(0, LEVELS, (rows, 2)).astype(float)
    matrix = np.column_stack([numbers, codes]).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    pull = np.nan_to_num(matrix[:, 0]) * np.where(codes[:, 0] % 3 == 1, 2, -1) + codes[:, 1] % 2
    return matrix, pull + random.normal(size=rows)


@pytest.mark.parametrize("categories", [[], [2, 3]])
@pytest.mark.parametrize(("kind", "cuts"), [("number", []), ("two", [0]), ("three", [-1, 1])])
def test_the_arrays_predict_exactly_what_scikit_learn_does(kind, cuts, categories):
    kinds = {"number": HistGradientBoostingRegressor}
    estimator = kinds.get(kind, HistGradientBoostingClassifier)(
        max_iter=8, min_samples_leaf=3, categorical_features=categories or None
    )
    fitted, vectors = [], []
    for seed, rows in enumerate([200, 90]):
        matrix, pull = drawn(rows, seed)
        if seed == 1:  # codes that the second model has never seen are treated as missing
            matrix[matrix[:, 2] > 5, 2] = np.nan
        truth = pull if kind == "number" else np.digitize(pull, cuts)
        model = segment_kinds.sized(segment_kinds.own_of(estimator, 8 + seed), rows)
        fitted.append(model.fit(matrix, truth))
        vectors.append(segment_trees.flat(model))
    padded = [np.append(vectors[0], np.zeros(7)), None, vectors[1]]
    trees, starts = segment_trees.together(padded)
    asked, _ = drawn(300, seed=7)
    asked[0] = np.nan
    for number, model in {0: fitted[0], 2: fitted[1]}.items():
        sums = np.repeat(starts[[number]], len(asked), axis=0)
        trees.add(asked, np.full(len(asked), number), sums)
        assert (sums == model._raw_predict(asked)).all()


@pytest.mark.parametrize("categories", [[], [2, 3]])
def test_a_column_without_any_value_in_a_segment_is_not_used_by_its_trees(categories):
    matrix, pull = drawn(200, seed=3)
    matrix[:, [1, 3]] = np.nan
    estimator = HistGradientBoostingRegressor(
        max_iter=5, min_samples_leaf=3, categorical_features=categories or None
    )
    (vector,) = segment_groups.fit(estimator, [(matrix, pull)], least=100, classes=0)
    trees, _ = segment_trees.together([vector])
    assert {0} < set(trees.feature) <= {-1, 0, 2}
    assert np.isnan(matrix[:, [1, 3]]).all()


def test_few_rows_get_fewer_and_smaller_trees_which_never_stop_early():
    given = HistGradientBoostingClassifier(early_stopping=True, max_iter=3, learning_rate=0.3)
    own = segment_kinds.own_of(given, 60)
    found = {rows: segment_kinds.sized(own, rows) for rows in (100, 300, 5_000)}
    shapes = {
        rows: (one.max_iter, one.max_leaf_nodes, one.min_samples_leaf)
        for rows, one in found.items()
    }
    assert shapes == {100: (20, 4, 10), 300: (60, 6, 20), 5_000: (60, 31, 20)}
    assert not any(one.early_stopping for one in found.values())
    assert {one.learning_rate for one in found.values()} == {0.3}


def test_trees_that_may_be_too_many_are_refused_before_they_are_fitted():
    own = segment_kinds.own_of(HistGradientBoostingClassifier(), 60)
    segment_kinds.require_room(own, [300] * 6_000, 1)
    with pytest.raises(
        SluiceError, match=r"of 6,000 segments may need 12,960,000 nodes"
    ) as refusal:
        segment_kinds.require_room(own, [300] * 6_000, 3)
    assert "\n" not in str(refusal.value)
    assert "lower data.segments.trees" in str(refusal.value)


def test_the_estimate_is_never_below_the_number_of_nodes():
    matrix, pull = drawn(300, seed=3)
    own = segment_kinds.own_of(HistGradientBoostingRegressor(min_samples_leaf=1), 60)
    model = segment_kinds.sized(own, 300).fit(matrix, pull)
    nodes = sum(len(one.nodes) for stage in model._predictors for one in stage)
    assert (
        0.5 * segment_kinds.most_nodes(own, [300], 1)
        < nodes
        <= segment_kinds.most_nodes(own, [300], 1)
    )


def test_models_of_different_lengths_are_kept_for_a_run_that_goes_on(tmp_path: Path):
    vectors = []
    for rows in (100, 300):
        matrix, pull = drawn(rows, seed=3)
        own = segment_kinds.own_of(HistGradientBoostingRegressor(), 4)
        vectors.append(segment_trees.flat(segment_kinds.sized(own, rows).fit(matrix, pull)))
    assert len(vectors[0]) < len(vectors[1])
    Progress(tmp_path).save(3, [vectors[0], None, vectors[1]])
    found = Progress(tmp_path).find(3)
    assert found is not None
    assert found[1] is None
    before, after = (
        segment_trees.together(one)[0] for one in ([vectors[0], None, vectors[1]], found)
    )
    for name in ("roots", "feature", "threshold", "left", "right", "value", "missing_left"):
        assert (getattr(before, name) == getattr(after, name)).all()
