"""The predictions of the exported model for a part of the data, which the gates judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice import table
from sluice.config import Settings
from sluice.decision import decided
from sluice.metrics import Predictions
from sluice.model import Model, Scores
from sluice.project import Project

if TYPE_CHECKING:
    from pandas import DataFrame


def of_split(project: Project, part: str) -> tuple[DataFrame, Predictions]:
    """The rows of a part of the split, with their true values, scores and decisions."""
    frame = table.read_split(project.split(part))
    return frame, of_model(project.settings, Model(project.model), frame)


def of_model(settings: Settings, model: Model, frame: DataFrame) -> Predictions:
    """The predictions of a model for rows that have its inputs, by its own decision rule."""
    return decided_by(settings, model, frame, scores_of(settings, model, frame))


def scores_of(settings: Settings, model: Model, frame: DataFrame) -> Scores:
    """The model's scores for rows that have its inputs."""
    inputs = [column.name for column in model.signature.inputs]
    return model.score(table.tensors(frame, settings, inputs))


def decided_by(settings: Settings, model: Model, frame: DataFrame, scores: Scores) -> Predictions:
    """The true values of rows, and the model's scores for them with their decisions."""
    truth = table.truth(frame, settings)
    return decided(settings, truth, scores.values, model.signature.decision)
