"""Encode input columns as the matrix of a model, in a way that ONNX reproduces exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sluice.config import Scalar, Settings
from sluice.labels import label

if TYPE_CHECKING:
    from pandas import DataFrame, Series
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer

_DIRECTION = {None: 0, "increasing": 1, "decreasing": -1}
_FEW_LEVELS = 50  # the most levels; a category with more has levels too rare to learn from
_LEVEL_ROWS = 10
_MOST_LEVELS = 254  # histogram gradient boosting numbers the values of a column in one byte


@dataclass(frozen=True)
class Columns:
    """The inputs of a model: first the numbers, then the categories.

    levels: for each category, the values that the model distinguishes; it treats all other values
    as one. monotone: for each number -1, 0 or +1. segment: the column whose values have models of
    their own; it is not among the columns that a model reads.
    """

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    monotone: tuple[int, ...]
    segment: str | None = None

    @property
    def names(self) -> list[str]:
        """The inputs in the order of the matrix: first the numbers, then the categories."""
        return [*self.numbers, *self.categories]

    @property
    def inputs(self) -> list[str]:
        """The columns that a fitted pipeline is given."""
        return [*self.names, *([self.segment] if self.segment else [])]


def columns_of(settings: Settings, train: DataFrame) -> Columns:
    """The inputs, with the levels declared in params.yaml or found in the training rows."""
    numbers = [name for name in settings.features if settings.columns[name].numeric]
    segment = settings.segment_column
    inputs = [name for name in settings.features if name != segment]
    categories = [name for name in inputs if not settings.columns[name].numeric]
    levels = [_levels_of(train[name], settings.columns[name].levels) for name in categories]
    monotone = [_DIRECTION[settings.columns[name].monotone] for name in numbers]
    return Columns(tuple(numbers), tuple(categories), tuple(levels), tuple(monotone), segment)


def _levels_of(column: Series, declared: Sequence[Scalar] | None) -> tuple[str, ...]:
    """The levels of a category, sorted; the model treats all other values as one.

    Without declared levels, a column of many values keeps those that are frequent enough.
    """
    count = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if declared is not None:
        known = list(dict.fromkeys(map(label, declared)))
        known.sort(key=lambda level: -count.get(level, 0))
    elif len(count) > _FEW_LEVELS:
        known = [*count.index[count >= _LEVEL_ROWS]] or [*count.index[:1]]
    else:
        known = [*count.index]
    return tuple(sorted(known[:_MOST_LEVELS]))


def for_trees(columns: Columns) -> ColumnTransformer:
    """For boosted trees: numbers as float32 with missing values kept, and one-hot categories.

    Numbers become float32 in training too, so that scikit-learn and ONNX Runtime compare the same
    values with a threshold.
    """
    from skl2onnx.sklapi import CastTransformer

    return _encode(columns, CastTransformer(dtype=np.float32), _one_hot(columns, np.float32))


def for_native_trees(columns: Columns) -> ColumnTransformer:
    """For boosted trees that split on sets of categories: like `for_trees`, but categories as
    codes.

    A level's code is its place among the levels; a value that is not a level is NaN.
    """
    from skl2onnx.sklapi import CastTransformer
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(
        categories=_levels(columns),
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        dtype=np.float32,
    )
    return _encode(columns, CastTransformer(dtype=np.float32), codes)


def for_forests(columns: Columns) -> ColumnTransformer:
    """For forests: like `for_trees`, but a missing number is replaced by the median.

    skl2onnx does not export which branch a forest's tree takes for a missing value.
    """
    from skl2onnx.sklapi import CastTransformer
    from sklearn.pipeline import make_pipeline

    number = make_pipeline(_median(), CastTransformer(dtype=np.float32))
    return _encode(columns, number, _one_hot(columns, np.float32))


def for_linear(columns: Columns) -> ColumnTransformer:
    """For linear models: numbers scaled in float64, with the median for missing ones; one-hot."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    number = make_pipeline(_median(), StandardScaler())
    return _encode(columns, number, _one_hot(columns, np.float64))


def _median() -> SimpleImputer:
    from sklearn.impute import SimpleImputer

    # A column without any known value is filled with zeros; by default it would be dropped.
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _one_hot(columns: Columns, dtype: type) -> object:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        categories=_levels(columns), handle_unknown="ignore", sparse_output=False, dtype=dtype
    )


def _levels(columns: Columns) -> list[np.ndarray]:
    return [np.array(known, object) for known in columns.levels]


def _encode(columns: Columns, number: object, category: object) -> ColumnTransformer:
    from sklearn.compose import ColumnTransformer

    split = len(columns.numbers)
    steps = []
    if columns.numbers:
        steps.append(("number", number, list(range(split))))
    if columns.categories:
        steps.append(("category", category, list(range(split, len(columns.names)))))
    return ColumnTransformer(steps)
