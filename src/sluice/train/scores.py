"""The scores of a fitted pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice.config import Settings
from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline


_AT_ONCE = 250_000  # rows, which bounds the memory of their matrix


def predict(pipeline: Pipeline, settings: Settings, inputs: DataFrame) -> Floats:
    """The scores of n rows: [n] or [n, k], as in `sluice.model.Scores`."""
    if len(inputs) > _AT_ONCE:
        starts = range(0, len(inputs), _AT_ONCE)
        return np.concatenate(
            [predict(pipeline, settings, inputs.iloc[k : k + _AT_ONCE]) for k in starts]
        )
    if settings.task == "regression":
        return pipeline.predict(inputs)
    probabilities = pipeline.predict_proba(inputs)
    return probabilities[:, 1] if settings.task == "binary" else probabilities
