"""The models that need no code of the forker's: one linear, one of boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sluice.task import Task
from sluice.train.columns import Columns, for_linear, for_trees

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Builder = Callable[..., "Pipeline"]
"""(task, columns, seed, **parameters) to an unfitted pipeline of encoder and estimator."""


def linear(task: Task, columns: Columns, seed: int, **parameters: Any) -> Pipeline:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline

    if task == "regression":
        estimator = Ridge(random_state=seed, **parameters)
    else:
        # Newton's steps end so close to the optimum that no machine's BLAS shows.
        settled = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 200}
        estimator = LogisticRegression(random_state=seed, **{**settled, **parameters})
    return Pipeline([("columns", for_linear(columns)), ("model", estimator)])


def boosting(task: Task, columns: Columns, seed: int, **parameters: Any) -> Pipeline:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline

    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    if any(columns.monotone) and task != "multiclass":
        free = columns.width - len(columns.numbers)
        parameters = {"monotonic_cst": [*columns.monotone, *[0] * free], **parameters}
    return Pipeline(
        [("columns", for_trees(columns)), ("model", kind(random_state=seed, **parameters))]
    )


MODELS: dict[str, Builder] = {"linear": linear, "boosting": boosting}
