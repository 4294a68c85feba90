"""Predictions that need no model: the majority class or the mean, and the best single column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sluice import table
from sluice.decision import decided, tune
from sluice.metrics import METRICS, Floats, Predictions
from sluice.project import Project
from sluice.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

_DEPTH = 4
_LARGEST = float(np.finfo(np.float32).max)


def baselines(project: Project, holdout: DataFrame) -> dict[str, Predictions]:
    """Outcomes on the holdout: fitted on train, column and decision chosen on validation.

    A model of one input is compared with no single column, which would be that input again.
    """
    settings = project.settings
    train = table.read_split(project.split("train"))
    validation = table.read_split(project.split("validation"))
    score = METRICS[settings.selection.metric]
    _, majority = _outcomes(project, train, validation, holdout, None)
    usual = "the mean" if settings.task == "regression" else "the majority class"
    if len(settings.features) == 1:
        return {usual: majority}
    singles = {}
    for name in settings.features:
        singles[name] = _outcomes(project, train, validation, holdout, name)
    best = settings.features[0]
    for name, (tried, _) in singles.items():
        if score.gain(score.compute(tried), score.compute(singles[best][0])) > 0:
            best = name
    single = singles[best][1]
    # An uninformative column must not be a weaker baseline than guessing.
    if not score.gain(score.compute(single), score.compute(majority)) >= 0:
        single = majority
    return {usual: majority, f"the best single column ({best})": single}


def _outcomes(
    project: Project,
    train: DataFrame,
    validation: DataFrame,
    holdout: DataFrame,
    column: str | None,
) -> tuple[Predictions, Predictions]:
    settings = project.settings
    y = table.truth(train, settings)
    codes = [column_codes(train, part, column) for part in (train, validation, holdout)]
    estimator = (_constant if column is None else column_tree)(settings.task).fit(codes[0], y)
    tuned = scores_of(estimator, settings.task, codes[1], len(settings.classes))
    held = scores_of(estimator, settings.task, codes[2], len(settings.classes))
    truth = table.truth(validation, settings)
    decision = tune(settings, truth, tuned)
    return (
        decided(settings, truth, tuned, decision),
        decided(settings, table.truth(holdout, settings), held, decision),
    )


def column_codes(train: DataFrame, part: DataFrame, column: str | None) -> Floats:
    """[n, 1] one column as numbers: categories by their order in training, unknown ones as -1."""
    if column is None:
        return np.zeros((len(part), 1))
    if part[column].dtype.kind == "f":
        # Trees accept only finite float32 numbers, so larger values are clipped to the largest one.
        return np.clip(part[[column]].to_numpy(np.float64), -_LARGEST, _LARGEST).astype(np.float32)
    known = {value: code for code, value in enumerate(sorted(train[column].unique()))}
    return part[column].map(lambda value: known.get(value, -1)).to_numpy(np.float64)[:, None]


def column_tree(task: Task) -> Any:
    """A small tree, which is enough for one column."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    return kind(max_depth=_DEPTH, min_samples_leaf=5, random_state=0)


def _constant(task: Task) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")


def scores_of(estimator: Any, task: Task, codes: Floats, classes: int) -> Floats:
    if task == "regression":
        return np.asarray(estimator.predict(codes), np.float64)
    probabilities = np.zeros((len(codes), classes))
    probabilities[:, estimator.classes_.astype(np.intp)] = estimator.predict_proba(codes)
    return probabilities[:, 1] if task == "binary" else probabilities
