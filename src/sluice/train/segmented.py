"""Estimators that consist of one linear model for all rows and one for each segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

from sluice.metrics import Floats, Ints
from sluice.train import segment_groups
from sluice.train.segment_progress import Fitted, Progress

_FEW = 500  # up to this many models are fitted here, because starting workers takes longer


class _Segmented(BaseEstimator):
    """A linear estimator for all rows, and a copy of it for each segment.

    The last column of the matrix is the index of the row's segment, or -1. estimator: unfitted.
    rows: how many a segment needs for a model of its own. jobs: how many processes fit them.

    coef_: [1 + k, outputs, p], intercept_: [1 + k, outputs], first of the model for all rows; with
    more than two classes each class has an output, otherwise there is one. served_: [k] whether a
    segment's rows are scored by its own model.
    """

    def __init__(self, estimator: Any = None, rows: int = 100, jobs: int = -1) -> None:
        self.estimator, self.rows, self.jobs = estimator, rows, jobs

    def fit(
        self, matrix: Floats, truth: Floats | Ints, progress: Progress | None = None
    ) -> _Segmented:
        """progress: where finished segments are kept, for a run that is interrupted."""
        features, places = matrix[:, :-1], matrix[:, -1].astype(np.int64)
        whole = clone(self.estimator).fit(features, truth)
        if hasattr(whole, "classes_"):
            self.classes_ = whole.classes_
        fitted = _fit_all(self, features, truth, places, progress)
        self.served_ = np.array([one is not None for one in fitted], bool)
        rest = segment_groups.flat(whole)
        models = np.array([rest, *(rest if one is None else one for one in fitted)])
        outputs = np.size(whole.intercept_)
        self.coef_ = models[:, :-outputs].reshape(len(models), outputs, -1)
        self.intercept_ = models[:, -outputs:]
        return self

    def models_of(self, matrix: Floats) -> Ints:
        """[n] which model scores each row: 0 is the model for all rows, 1 + k that of segment k."""
        places = matrix[:, -1].astype(np.int64)
        own = (places >= 0) & np.append(self.served_, False)[places]
        return np.where(own, places + 1, 0)

    def linear(self, matrix: Floats, models: Ints) -> Floats:
        """[n, outputs] the linear predictors of each row, by these models."""
        outputs = range(self.coef_.shape[1])  # one after another, which bounds the memory
        sums = [(matrix[:, :-1] * self.coef_[models, one]).sum(axis=1) for one in outputs]
        return np.column_stack(sums) + self.intercept_[models]


class SegmentedClassifier(ClassifierMixin, _Segmented):
    """Logistic regressions."""

    def predict_proba(self, matrix: Floats, models: Ints | None = None) -> Floats:
        from scipy.special import expit, softmax

        found = self.models_of(matrix) if models is None else models
        linear = self.linear(matrix, found)
        if linear.shape[1] > 1:
            return softmax(linear, axis=1)
        positive = expit(linear)
        return np.column_stack([1 - positive, positive])

    def predict(self, matrix: Floats) -> Floats | Ints:
        return self.classes_[self.predict_proba(matrix).argmax(axis=1)]


class SegmentedRegressor(RegressorMixin, _Segmented):
    """Linear regressions."""

    def predict(self, matrix: Floats, models: Ints | None = None) -> Floats:
        found = self.models_of(matrix) if models is None else models
        return self.linear(matrix, found)[:, 0]


def _fit_all(
    model: _Segmented,
    features: Floats,
    truth: Floats | Ints,
    places: Ints,
    progress: Progress | None,
) -> list[Fitted]:
    """The coefficients of each segment's model; None for one that cannot have a model."""
    from joblib import Parallel, delayed

    groups = segment_groups.split(places)
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
            model.estimator, [(features[r], truth[r]) for r in groups[at]], model.rows, classes
        )
        for at in missing
    )
    jobs = 1 if count <= _FEW else model.jobs
    fitted = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    for at, models in zip(missing, fitted, strict=True):
        found[at] = models
        if progress is not None:
            progress.save(at, models)
    return [one for at in range(len(groups)) for one in found[at]]
