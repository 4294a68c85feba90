"""Predictions that need no model: the majority class or the mean, and the best single column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sluice import table
from sluice.config import Settings
from sluice.decision import decided, tune
from sluice.metrics import METRICS, Floats, Predictions
from sluice.project import Project
from sluice.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

_DEPTH = 4
_LARGEST = float(np.finfo(np.float32).max)


def baselines(project: Project, holdout: DataFrame) -> dict[str, Predictions]:
    """Baselines on the holdout, fitted on train; validation chooses the column and the decision.

    A model of one input is compared with no single column, which would be that input again.
    """
    settings = project.settings
    names = [*settings.features, settings.data.target]
    parts = (table.read_split(project.split(part), names) for part in ("train", "validation"))
    train, validation = parts
    score = METRICS[settings.selection.metric]
    majority = _Baseline(settings, train, validation, None).on(holdout)
    usual = "the mean" if settings.task == "regression" else "the majority class"
    if len(settings.features) == 1:
        return {usual: majority}
    best = _Baseline(settings, train, validation, settings.features[0])
    for name in settings.features[1:]:
        tried = _Baseline(settings, train, validation, name)
        if score.gain(tried.metric, best.metric) > 0:
            best = tried
    single = best.on(holdout)
    # An uninformative column must not be a weaker baseline than guessing.
    if not score.gain(score.compute(single), score.compute(majority)) >= 0:
        single = majority
    return {usual: majority, f"the best single column ({best.column})": single}


class _Baseline:
    """Predictions from one column, or from none. metric: the selection's, on the validation part.

    Predictions are not kept, because those of many rows and columns would need much memory.
    """

    def __init__(
        self, settings: Settings, train: DataFrame, validation: DataFrame, column: str | None
    ) -> None:
        self.column, self._settings, self._train = column, settings, train
        kind = _constant if column is None else column_tree
        codes = column_codes(train, train, column)
        self._estimator = kind(settings.task).fit(codes, table.truth(train, settings))
        truth, scores = table.truth(validation, settings), self._scores(validation)
        self._decision = tune(settings, truth, scores)
        outcome = decided(settings, truth, scores, self._decision)
        self.metric = METRICS[settings.selection.metric].compute(outcome)

    def on(self, rows: DataFrame) -> Predictions:
        """The baseline's predictions for rows that it was not fitted on."""
        truth = table.truth(rows, self._settings)
        return decided(self._settings, truth, self._scores(rows), self._decision)

    def _scores(self, rows: DataFrame) -> Floats:
        codes = column_codes(self._train, rows, self.column)
        return scores_of(self._estimator, self._settings.task, codes, len(self._settings.classes))


def column_codes(train: DataFrame, part: DataFrame, column: str | None) -> Floats:
    """[n, 1] one column as numbers: categories by their order in training, unknown ones as -1."""
    if column is None:
        return np.zeros((len(part), 1))
    if part[column].dtype.kind == "f":
        # Trees accept only finite float32 numbers, so larger values are clipped to the largest one.
        return np.clip(part[[column]].to_numpy(np.float64), -_LARGEST, _LARGEST).astype(np.float32)
    known = {value: code for code, value in enumerate(sorted(train[column].unique()))}
    return part[column].map(known).fillna(-1).to_numpy(np.float64)[:, None]


def column_tree(task: Task) -> Any:
    """A small tree, which is enough for one column."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    return kind(max_depth=_DEPTH, min_samples_leaf=5, random_state=0)


def _constant(task: Task) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")


def scores_of(estimator: Any, task: Task, codes: Floats, classes: int) -> Floats:
    """The estimator's scores for encoded rows, [n] or [n, classes]; a class that it never saw gets
    0.
    """
    if task == "regression":
        return np.asarray(estimator.predict(codes), np.float64)
    probabilities = np.zeros((len(codes), classes))
    probabilities[:, estimator.classes_.astype(np.intp)] = estimator.predict_proba(codes)
    return probabilities[:, 1] if task == "binary" else probabilities
