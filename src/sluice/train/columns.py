"""How raw columns become a model's matrix: the usual encodings, all of them exact in ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer


@dataclass(frozen=True)
class Columns:
    """A model's inputs: numbers stand before categories.

    levels: for each category the values that are told apart; all others are one.
    monotone: for each number -1, 0 or +1.
    """

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    monotone: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        return [*self.numbers, *self.categories]

    @property
    def width(self) -> int:
        return len(self.numbers) + sum(map(len, self.levels))


def for_trees(columns: Columns) -> ColumnTransformer:
    """Numbers as float32 with missing values kept, categories one-hot: for boosted trees.

    The cast stands in training too, so that a row meets the same float32 in
    scikit-learn and in ONNX Runtime.
    """
    from skl2onnx.sklapi import CastTransformer

    return _encode(columns, CastTransformer(dtype=np.float32), np.float32)


def for_forests(columns: Columns) -> ColumnTransformer:
    """As for_trees, but the median for missing numbers: skl2onnx loses where forests send them."""
    from skl2onnx.sklapi import CastTransformer
    from sklearn.pipeline import make_pipeline

    return _encode(columns, make_pipeline(_median(), CastTransformer(dtype=np.float32)), np.float32)


def for_linear(columns: Columns) -> ColumnTransformer:
    """Numbers in float64, the median for missing ones, scaled; categories one-hot."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _encode(columns, make_pipeline(_median(), StandardScaler()), np.float64)


def _median() -> SimpleImputer:
    from sklearn.impute import SimpleImputer

    # A column without one known value is filled with zeros instead of vanishing.
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _encode(columns: Columns, number: object, dtype: type) -> ColumnTransformer:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    split = len(columns.numbers)
    steps = []
    if columns.numbers:
        steps.append(("number", number, list(range(split))))
    if columns.categories:
        levels = [np.array(known, object) for known in columns.levels]
        one_hot = OneHotEncoder(
            categories=levels, handle_unknown="ignore", sparse_output=False, dtype=dtype
        )
        steps.append(("category", one_hot, list(range(split, len(columns.names)))))
    return ColumnTransformer(steps)
