"""The raw table as great-expectations checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.config import Settings

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def prepare(frame: DataFrame, settings: Settings) -> DataFrame:
    """Return categories as labels, and as Int64 the whole numbers that pandas reads as floats
    because a value is missing.
    """
    made = frame.copy()
    for name, column in settings.columns.items():
        if name not in frame:
            continue
        if column.type == "category":
            texts = table.levels(frame[name], column)
            made[name] = texts.where(texts != "", None)
        elif column.type == "integer" and _widened(frame[name]):
            made[name] = frame[name].astype("Int64")
    return made


def _widened(column: Series) -> bool:
    if column.dtype.kind != "f":
        return False
    known = column.dropna()
    return bool(np.isfinite(known).all() and (known == known.round()).all())
