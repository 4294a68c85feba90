"""The scores of a fitted pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.config import Settings
from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline


def predict(pipeline: Pipeline, settings: Settings, inputs: DataFrame) -> Floats:
    """The scores of n rows: [n] or [n, k], as in `sluice.model.Scores`."""
    if settings.task == "regression":
        return pipeline.predict(inputs)
    probabilities = pipeline.predict_proba(inputs)
    return probabilities[:, 1] if settings.task == "binary" else probabilities
