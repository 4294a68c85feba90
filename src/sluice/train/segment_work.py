"""The fitting of segments as plain data, for machines that run no code of the use case."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from sluice.errors import SluiceError
from sluice.metrics import Floats
from sluice.train import segment_groups
from sluice.train.segment_progress import Fitted

Kind = Literal[
    "LogisticRegression",
    "Ridge",
    "LinearRegression",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
]
# The dictionary is for weights of classes, and the list for a number of each column.
Value: TypeAlias = bool | int | float | str | dict[int, float] | list[int] | None


class Estimator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An unfitted linear model or boosted trees of scikit-learn."""

    kind: Kind
    parameters: dict[str, Value]


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The segments whose models are missing.

    rows: how many a segment needs for a model of its own. classes: how many there are; 0 for
    numbers. total: the number of all segments. sizes: for each group with missing models, the
    number of rows of each segment. versions: the versions of the libraries that decide the result.

    The rows of a group are a matrix in which those of a segment follow each other. The last column
    of the matrix is the truth.
    """

    estimator: Estimator
    rows: int
    classes: int
    total: int
    sizes: dict[int, list[int]]
    versions: dict[str, str]


def described(estimator: Any) -> Estimator:
    """The estimator as data; SluiceError if it is not known, or has a parameter of another type."""
    kind = type(estimator)
    if _class_of(kind.__name__) is not kind:
        raise SluiceError(
            f"the model {kind.__name__} cannot be fitted on Spark: expected scikit-learn's "
            "LogisticRegression, Ridge, LinearRegression or HistGradientBoosting; train it without "
            "--engine spark"
        )
    given = {"kind": kind.__name__, "parameters": estimator.get_params()}
    try:
        made = msgspec.json.decode(msgspec.json.encode(given), type=Estimator)
    except (TypeError, msgspec.ValidationError) as error:
        raise SluiceError(
            f"the model {kind.__name__} cannot be fitted on Spark: {error}; change it, or train it "
            "without --engine spark"
        ) from None
    return made


def _class_of(kind: str) -> Any:
    from sklearn import ensemble, linear_model

    return getattr(linear_model, kind, None) or getattr(ensemble, kind, None)


def versions() -> dict[str, str]:
    """The versions of the libraries that decide the result of a fit, by name."""
    import scipy
    import sklearn

    found = {"numpy": np, "scipy": scipy, "scikit-learn": sklearn}
    return {name: library.__version__ for name, library in found.items()}


def fit(work: Work, group: int, rows: bytes) -> list[Fitted]:
    """The models of a group. rows: the matrix of its rows in float64.

    Raises SluiceError if a library has another version than `work` says.
    """
    for name, version in versions().items():
        if version != work.versions[name]:
            raise SluiceError(
                f"a worker has {name} {version} and the driver {work.versions[name]}: install the "
                "same version on the workers"
            )
    sizes = work.sizes[group]
    matrix = np.frombuffer(rows, np.float64).reshape(sum(sizes), -1)
    ends = np.cumsum([0, *sizes])
    parts = [_part(work, matrix[start:end]) for start, end in pairwise(ends)]
    estimator = _class_of(work.estimator.kind)(**work.estimator.parameters)
    return segment_groups.fit(estimator, parts, work.rows, work.classes)


def _part(work: Work, matrix: Floats) -> segment_groups.Part:
    truth = matrix[:, -1]
    kind = np.int64 if work.classes else np.float64
    return np.ascontiguousarray(matrix[:, :-1]), truth.astype(kind)
