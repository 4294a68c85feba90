"""The built-in models: a linear one, and two of boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sluice.task import Task
from sluice.train.columns import Columns, for_linear, for_native_trees, for_trees

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

Builder = Callable[..., "Pipeline"]
"""(task, columns, seed, **parameters) to an unfitted pipeline of an encoder and an estimator."""


def linear(task: Task, columns: Columns, seed: int, **parameters: Any) -> Pipeline:
    """Ridge or logistic regression, with one-hot categories."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline

    if task == "regression":
        estimator = Ridge(random_state=seed, **parameters)
    else:
        # Newton's method converges so closely that differences between BLAS libraries have no
        # effect.
        precise = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 200}
        estimator = LogisticRegression(random_state=seed, **{**precise, **parameters})
    return Pipeline([("columns", for_linear(columns)), ("model", estimator)])


def boosting(task: Task, columns: Columns, seed: int, **parameters: Any) -> Pipeline:
    """Histogram gradient boosting, with one-hot categories."""
    return _boosting(task, columns, for_trees(columns), seed, parameters)


def native_boosting(task: Task, columns: Columns, seed: int, **parameters: Any) -> Pipeline:
    """Histogram gradient boosting whose splits divide the categories of a column into two sets."""
    first, count = len(columns.numbers), len(columns.categories)
    if count:
        parameters = {"categorical_features": list(range(first, first + count)), **parameters}
    return _boosting(task, columns, for_native_trees(columns), seed, parameters)


def _boosting(
    task: Task, columns: Columns, encoder: ColumnTransformer, seed: int, parameters: dict[str, Any]
) -> Pipeline:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline

    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    if any(columns.monotone) and task != "multiclass":
        native = "categorical_features" in parameters
        free = len(columns.categories) if native else sum(map(len, columns.levels))
        parameters = {"monotonic_cst": [*columns.monotone, *[0] * free], **parameters}
    return Pipeline([("columns", encoder), ("model", kind(random_state=seed, **parameters))])


MODELS: dict[str, Builder] = {
    "linear": linear,
    "boosting": boosting,
    "native_boosting": native_boosting,
}
