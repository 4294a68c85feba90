"""Estimators that consist of one model for all rows and one for each segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

from sluice.metrics import Floats, Ints
from sluice.train import segment_groups, segment_kinds, segment_trees
from sluice.train.segment_progress import Fitted, Progress

# Up to this many models are fitted here, because starting workers takes longer.
_FEW, _FEW_BOOSTED = 500, 20


class _Segmented(BaseEstimator):
    """An estimator for all rows, and one for each segment.

    The last column of the matrix is the index of the row's segment, or -1. estimator, own:
    unfitted, for all rows and for a segment. rows: how many a segment needs for a model of its own.
    jobs: how many processes fit them.

    intercept_: [1 + k, outputs] what is added to each output, first of the model for all rows; with
    more than two classes each class has an output, otherwise there is one. served_: [k] whether a
    segment's rows are scored by its own model.
    """

    def __init__(
        self, estimator: Any = None, own: Any = None, rows: int = 100, jobs: int = -1
    ) -> None:
        self.estimator, self.own, self.rows, self.jobs = estimator, own, rows, jobs

    def fit(
        self, matrix: Floats, truth: Floats | Ints, progress: Progress | None = None
    ) -> _Segmented:
        """progress: where finished segments are kept, for a run that is interrupted."""
        self.n_features_in_ = matrix.shape[1]
        features, places = matrix[:, :-1], matrix[:, -1].astype(np.int64)
        whole = clone(self.estimator).fit(features, truth)
        if hasattr(whole, "classes_"):
            self.classes_ = whole.classes_
        fitted = _fit_all(self, features, truth, places, progress)
        self.served_ = np.array([one is not None for one in fitted], bool)
        self._keep([segment_groups.flat(whole), *fitted], features.shape[1])
        return self

    def _keep(self, models: list[Fitted], width: int) -> None:
        """Keep the vectors of all models, for matrices of `width` columns."""
        raise NotImplementedError

    def outputs(self, matrix: Floats, models: Ints) -> Floats:
        """[n, outputs] what these models give for each row, before it becomes a probability."""
        raise NotImplementedError

    def models_of(self, matrix: Floats) -> Ints:
        """[n] which model scores each row: 0 is the model for all rows, 1 + k that of segment k."""
        places = matrix[:, -1].astype(np.int64)
        own = (places >= 0) & np.append(self.served_, False)[places]
        return np.where(own, places + 1, 0)


class _Linear(_Segmented):
    """coef_: [1 + k, outputs, p]."""

    def _keep(self, models: list[Fitted], width: int) -> None:
        rest = models[0]
        table = np.array([rest if one is None else one for one in models])
        outputs = table.shape[1] // (width + 1)
        self.coef_ = table[:, :-outputs].reshape(len(table), outputs, width)
        self.intercept_ = table[:, -outputs:]

    def outputs(self, matrix: Floats, models: Ints) -> Floats:
        outputs = range(self.coef_.shape[1])  # one after another, which bounds the memory
        sums = [(matrix[:, :-1] * self.coef_[models, one]).sum(axis=1) for one in outputs]
        return np.column_stack(sums) + self.intercept_[models]


class _Boosted(_Segmented):
    """trees_: those of all models."""

    def _keep(self, models: list[Fitted], width: int) -> None:
        self.trees_, self.intercept_ = segment_trees.together(models)

    def outputs(self, matrix: Floats, models: Ints) -> Floats:
        sums = self.intercept_[models]
        self.trees_.add(matrix[:, :-1], models, sums)
        return sums


class _Classifier(ClassifierMixin, _Segmented):
    def predict_proba(self, matrix: Floats, models: Ints | None = None) -> Floats:
        from scipy.special import expit, softmax

        found = self.models_of(matrix) if models is None else models
        outputs = self.outputs(matrix, found)
        if outputs.shape[1] > 1:
            return softmax(outputs, axis=1)
        positive = expit(outputs)
        return np.column_stack([1 - positive, positive])

    def predict(self, matrix: Floats) -> Floats | Ints:
        return self.classes_[self.predict_proba(matrix).argmax(axis=1)]


class _Regressor(RegressorMixin, _Segmented):
    def predict(self, matrix: Floats, models: Ints | None = None) -> Floats:
        found = self.models_of(matrix) if models is None else models
        return self.outputs(matrix, found)[:, 0]


class SegmentedClassifier(_Classifier, _Linear):
    """Logistic regressions."""


class SegmentedRegressor(_Regressor, _Linear):
    """Linear regressions."""


class SegmentedBoostingClassifier(_Classifier, _Boosted):
    """Boosted trees for classes."""


class SegmentedBoostingRegressor(_Regressor, _Boosted):
    """Boosted trees for numbers."""


def kind_of(estimator: Any) -> type[_Segmented]:
    """The class whose models are copies of this estimator."""
    from sklearn.base import is_classifier

    if segment_kinds.is_boosted(estimator):
        return (
            SegmentedBoostingClassifier if is_classifier(estimator) else SegmentedBoostingRegressor
        )
    return SegmentedClassifier if is_classifier(estimator) else SegmentedRegressor


def _fit_all(
    model: _Segmented,
    features: Floats,
    truth: Floats | Ints,
    places: Ints,
    progress: Progress | None,
) -> list[Fitted]:
    """The vector of each segment's model; None for one that cannot have a model."""
    from joblib import Parallel, delayed

    groups = segment_groups.split(places, model.estimator)
    count = sum(map(len, groups))
    found: dict[int, list[Fitted]] = {}
    if progress is not None:
        progress.begin(count)
        kept = {at: progress.find(at) for at in range(len(groups))}
        found = {at: models for at, models in kept.items() if models is not None}
        progress.resume()
    missing = [at for at in range(len(groups)) if at not in found]
    classes = len(getattr(model, "classes_", ()))
    tasks = (
        delayed(segment_groups.fit)(
            model.own, [(features[r], truth[r]) for r in groups[at]], model.rows, classes
        )
        for at in missing
    )
    few = _FEW_BOOSTED if segment_kinds.is_boosted(model.estimator) else _FEW
    jobs = 1 if count <= few else model.jobs
    fitted = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    for at, models in zip(missing, fitted, strict=True):
        found[at] = models
        if progress is not None:
            progress.save(at, models)
    return [one for at in range(len(groups)) for one in found[at]]
