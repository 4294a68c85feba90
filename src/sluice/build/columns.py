"""How raw columns become a model's matrix: the usual encodings, all of them exact in ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer


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
    """Numbers as float32 with missing values kept, categories one-hot.

    The cast stands in training too, so that a row meets the same float32 in
    scikit-learn and in ONNX Runtime.
    """
    from skl2onnx.sklapi import CastTransformer

    return _encode(columns, CastTransformer(dtype=np.float32), np.float32)


def for_linear(columns: Columns) -> ColumnTransformer:
    """Numbers in float64, the median for missing ones, scaled; categories one-hot."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # A column without one known value is filled with zeros instead of vanishing.
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return _encode(columns, make_pipeline(impute, StandardScaler()), np.float64)


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
