"""Fit a pipeline on rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice import table
from sluice.config import Settings
from sluice.train.columns import Columns, columns_of
from sluice.train.models import Builder
from sluice.train.search import Parameters
from sluice.train.segment_progress import Progress
from sluice.train.segments import segmented

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline


def fit(
    build: Builder,
    parameters: Parameters,
    rows: DataFrame,
    settings: Settings,
    progress: Progress | None = None,
) -> Pipeline:
    """The pipeline of a candidate, fitted on `rows`, a typed table.

    progress: where the finished models of segments are kept.
    """
    pipeline, columns = unfitted(build, parameters, rows, settings)
    truth = table.truth(rows, settings)
    if settings.data.segments is not None:
        return pipeline.fit(rows[columns.inputs], truth, model__progress=progress)
    return pipeline.fit(rows[columns.inputs], truth)


def unfitted(
    build: Builder, parameters: Parameters, rows: DataFrame, settings: Settings
) -> tuple[Pipeline, Columns]:
    """The pipeline of a candidate, and its columns. rows: the training rows."""
    columns = columns_of(settings, rows)
    pipeline = build(settings.task, columns, settings.seed, **parameters)
    if settings.data.segments is not None:
        outputs = len(settings.classes) if settings.task == "multiclass" else 1
        pipeline = segmented(pipeline, columns, rows, settings.data.segments, outputs)
    return pipeline, columns
