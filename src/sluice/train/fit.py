"""Fit one candidate on the train part, and score the validation part with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from sluice import files, table, usecase
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.metrics import Floats, Ints
from sluice.project import Project
from sluice.train import persist
from sluice.train.columns import columns_of
from sluice.train.models import Builder
from sluice.train.scores import predict
from sluice.train.search import Parameters, choose
from sluice.train.settle import settle, significant

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline


def run(project: Project, name: str) -> None:
    """Write the pipeline of a candidate, its parameters and its scores of the validation part."""
    settings = project.settings
    train = table.read_split(project.split("train"))
    validation = table.read_split(project.split("validation"))
    _require_every_class(settings, table.truth(train, settings))

    candidate = settings.candidates[name]
    builders = usecase.load(project, "candidates", "CANDIDATES")
    if candidate.model not in builders:
        raise SluiceError(
            f"params.yaml: candidates.{name}.model is {candidate.model!r}, expected one of "
            f"{sorted(builders)}"
        )
    build = builders[candidate.model]
    try:
        parameters = choose(build, candidate, train, settings)
        pipeline = fit(build, parameters, train, settings)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SluiceError(f"params.yaml: candidates.{name} cannot be trained: {reason}") from error
    settle(pipeline)

    folder = project.candidate(name)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "parameters.json", parameters)
    persist.save(pipeline, folder / "pipeline.skops")
    scores = significant(predict(pipeline, settings, validation[settings.features]))
    np.save(folder / "validation.npy", scores, allow_pickle=False)


def fit(build: Builder, parameters: Parameters, rows: DataFrame, settings: Settings) -> Pipeline:
    """The pipeline of a candidate, fitted on `rows`, a typed table."""
    columns = columns_of(settings, rows)
    pipeline = build(settings.task, columns, settings.seed, **parameters)
    return pipeline.fit(rows[columns.names], table.truth(rows, settings))


def _require_every_class(settings: Settings, y: Floats | Ints) -> None:
    if settings.task == "regression":
        return
    count = Counter(y.tolist())
    for k, name in enumerate(settings.classes):
        if not count[k]:
            raise SluiceError(
                f"class {name!r} of {settings.data.target!r} has no row in the train part: add "
                "rows of it, or remove it from the target's values in params.yaml"
            )
