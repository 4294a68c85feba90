"""Fit one candidate and score the validation part with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from sluice import table, usecase
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.metrics import Floats, Ints
from sluice.project import Project
from sluice.train import persist
from sluice.train.columns import Columns
from sluice.train.settle import settle, significant

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

_DIRECTION = {None: 0, "increasing": 1, "decreasing": -1}


def run(project: Project, name: str) -> None:
    """Write `pipeline.skops` and the validation scores of candidate `name`."""
    settings = project.settings
    train = table.read_split(project.split("train"))
    validation = table.read_split(project.split("validation"))
    columns = columns_of(settings, train)
    y = table.truth(train, settings)
    _require_every_class(settings, y)

    candidate = settings.candidates[name]
    builders = usecase.load(project, "candidates", "CANDIDATES")
    if candidate.model not in builders:
        raise SluiceError(
            f"params.yaml: candidates.{name}.model is {candidate.model!r}, expected one of "
            f"{sorted(builders)}"
        )
    try:
        pipeline = builders[candidate.model](
            settings.task, columns, settings.seed, **candidate.parameters
        )
        pipeline.fit(train[columns.names], y)
    except (TypeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise SluiceError(f"params.yaml: candidates.{name} cannot be trained: {said}") from error
    settle(pipeline)

    folder = project.candidate(name)
    folder.mkdir(parents=True, exist_ok=True)
    persist.save(pipeline, folder / "pipeline.skops")
    scores = significant(predict(pipeline, settings, validation[columns.names]))
    np.save(folder / "validation.npy", scores, allow_pickle=False)


def columns_of(settings: Settings, train: DataFrame) -> Columns:
    """The inputs with the levels to tell apart: those of params.yaml, else those in training."""
    numbers = [name for name in settings.features if settings.columns[name].numeric]
    categories = [name for name in settings.features if not settings.columns[name].numeric]
    levels = []
    for name in categories:
        given = settings.columns[name].levels
        known = map(label, given) if given is not None else train[name].unique()
        levels.append(tuple(sorted(known)))
    monotone = [_DIRECTION[settings.columns[name].monotone] for name in numbers]
    return Columns(tuple(numbers), tuple(categories), tuple(levels), tuple(monotone))


def predict(pipeline: Pipeline, settings: Settings, inputs: DataFrame) -> Floats:
    """[n] or [n, k] scores of a fitted pipeline, in the shape of sluice.model.Scores."""
    if settings.task == "regression":
        return pipeline.predict(inputs)
    probabilities = pipeline.predict_proba(inputs)
    return probabilities[:, 1] if settings.task == "binary" else probabilities


def _require_every_class(settings: Settings, y: Floats | Ints) -> None:
    if settings.task == "regression":
        return
    count = Counter(y.tolist())
    for k, name in enumerate(settings.classes):
        if not count[k]:
            raise SluiceError(
                f"class {name!r} of {settings.data.target!r} has no row to train on; bring more "
                "rows of it, or take it out of the target's values in params.yaml"
            )
