"""The scenarios gate: the scenarios of `src/usecase`, and those that hold for any model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sluice import files, scenario, table
from sluice.check import hollow
from sluice.check.clusters import clusters_of
from sluice.config import Settings
from sluice.confined.run import run as run_confined
from sluice.metrics import Floats
from sluice.model import Model, Signature
from sluice.project import Project
from sluice.scenario import AnyScenario, Book, Recorded, Row, Sample
from sluice.standing import LATEST, RECORDED, standing
from sluice.stats.bootstrap import effective_size
from sluice.verdict import Finding

if TYPE_CHECKING:
    from pandas import DataFrame

_ROWS = 100


def measure(project: Project) -> list[Finding]:
    """Write the scenarios of the package, and run each one with the exported model."""
    # The file is read back, because the package contains it and other machines run it.
    return scenario.run(Model(project.model), scenario.read(write_book(project)))


def write_book(project: Project) -> Path:
    """Write `scenarios.json`: the declared scenarios, the standard ones, and their rows."""
    settings = project.settings
    declared = _declared(project)
    model = Model(project.model)
    inputs = [column.name for column in model.signature.inputs]
    parts = {part: table.read_split(project.split(part)) for part in ("latest", "holdout")}
    scores = model.score(table.tensors(parts["holdout"], settings, inputs)).values
    hollow.refuse(declared, settings.task, float(np.ptp(scores)))
    samples = {part: frame.iloc[:_ROWS] for part, frame in parts.items()}
    book = Book(
        {part: records(rows[inputs]) for part, rows in samples.items()},
        [
            *declared,
            *standing(model.signature, settings),
            _latest(model.signature, settings, scores, samples["latest"]),
            _recorded(project, samples["holdout"][inputs]),
        ],
    )
    path = project.evidence("scenarios") / "scenarios.json"
    files.write(path, files.encode_record(book, indent=1))
    return path


def _declared(project: Project) -> list[AnyScenario]:
    """The scenarios of the use case, from a confined process; `declared.json` records them."""
    with run_confined(project.root, "scenarios") as results:
        declared: list[AnyScenario] = results.json("scenarios.json", list[AnyScenario])
    record = {"confined": results.confined, "names": [one.name for one in declared]}
    files.write_json(project.evidence("scenarios") / "declared.json", record)
    return declared


def records(rows: DataFrame) -> list[Row]:
    """The rows as the server receives them from JSON: a missing value is None."""
    return [
        {name: _plain(value) for name, value in zip(rows.columns, row, strict=True)}
        for row in rows.itertuples(index=False, name=None)
    ]


def _plain(value: float | str) -> float | int | str | None:
    if isinstance(value, str):
        return value or None
    number = float(value)
    if np.isnan(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _latest(signature: Signature, settings: Settings, values: Floats, latest: DataFrame) -> Sample:
    """The scenario that the latest production rows score like the holdout: their mean score differs
    by at most five standard errors.

    values: the scores of the holdout, as in `sluice.model.Scores`.
    """
    of = signature.classes[0] if values.ndim == 2 else None
    seen = values[:, 0] if values.ndim == 2 else values
    error = 5 * _standard_error(seen, latest, settings)
    low, high = (round(float(seen.mean()) + side * error, 6) for side in (-1, 1))
    return Sample(name=LATEST, sample="latest", low=low, high=high, of=of)


def _standard_error(scores: Floats, latest: DataFrame, settings: Settings) -> float:
    """The standard error of the mean score of the latest rows; scores: [n] of the holdout.

    Rows of one group count as one. In a split by time, neighbouring rows are similar, so the means
    of successive blocks of the holdout vary more than those of independent rows.
    """
    clusters = clusters_of(latest, settings)
    size = len(latest) if clusters is None else effective_size(clusters)
    error = float(scores.std()) / size**0.5
    if settings.split.by_time is None:
        return error
    blocks = [part.mean() for part in np.array_split(scores, len(scores) // len(latest) or 1)]
    return max(error, float(np.std(blocks)))


def _recorded(project: Project, rows: DataFrame) -> Recorded:
    """The scores that the fitted pipeline gave to the first rows of the holdout."""
    scores = np.load(project.model / "holdout.npy", allow_pickle=False)[: len(rows)]
    return Recorded(
        name=RECORDED,
        sample="holdout",
        scores=scores.reshape(len(rows), -1).tolist(),
        tolerance=project.settings.parity.tolerance,
    )
