"""The scenarios gate: those which `src/usecase` declares, and those which hold for any model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sluice import files, scenario, table, usecase
from sluice.check.clusters import clusters_of
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.metrics import Floats
from sluice.model import Model, Signature
from sluice.project import Project
from sluice.scenario import Alone, AnyScenario, Book, Edge, Recorded, Row, Sample
from sluice.stats.bootstrap import effective_size
from sluice.train import persist
from sluice.train.scores import predict
from sluice.verdict import Finding

if TYPE_CHECKING:
    from pandas import DataFrame

_ROWS = 100


def measure(project: Project) -> list[Finding]:
    """Write the scenarios of the package, and run each one with the exported model."""
    # The file is read back, because it is what the package contains and other machines run.
    return scenario.run(Model(project.model), scenario.read(write_book(project)))


def write_book(project: Project) -> Path:
    """Write `scenarios.json`: the declared scenarios, the standard ones, and their rows."""
    settings = project.settings
    declared = _declared(project)
    model = Model(project.model)
    inputs = [column.name for column in model.signature.inputs]
    parts = {part: table.read_split(project.split(part)) for part in ("latest", "holdout")}
    samples = {part: frame.iloc[:_ROWS] for part, frame in parts.items()}
    book = Book(
        {part: records(rows[inputs]) for part, rows in samples.items()},
        [
            *declared,
            *standing(model.signature, settings),
            _latest(model, settings, parts["holdout"], samples["latest"]),
            _recorded(project, samples["holdout"][inputs]),
        ],
    )
    path = project.evidence("scenarios") / "scenarios.json"
    files.write(path, files.encode_record(book, indent=1))
    return path


def _declared(project: Project) -> list[AnyScenario]:
    declared = list(usecase.load(project, "scenarios", "SCENARIOS"))
    for item in declared:
        if not isinstance(item, scenario.Scenario):
            raise SluiceError(
                f"src/usecase/scenarios.py: SCENARIOS holds {item!r}, expected a scenario of "
                "sluice.scenario"
            )
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


def standing(signature: Signature, settings: Settings) -> list[AnyScenario]:
    """The extreme rows which every model must score, and the rows which it must refuse."""
    alone = "a row scores alone as it does among others"
    made: list[AnyScenario] = [Alone(name=alone, tolerance=settings.parity.tolerance)]
    numbers, categories = signature.numbers, signature.categories
    everything = [*numbers, *categories]
    made.append(Edge(name="every value missing", change=dict.fromkeys(everything)))
    if numbers:
        for name, value in {"zero": 0, "negative": -1e9, "huge": 1e15, "tiny": 1e-300}.items():
            made.append(Edge(name=f"every number {name}", change=dict.fromkeys(numbers, value)))
        lows = {name: settings.columns[name].low for name in numbers}
        highs = {name: settings.columns[name].high for name in numbers}
        for end, values in {"lowest": lows, "highest": highs}.items():
            known = {name: value for name, value in values.items() if value is not None}
            if known:
                made.append(Edge(name=f"every number at its {end}", change=known))
        made.append(
            Edge(
                name="text for a number is refused", change={numbers[0]: "many"}, refused=numbers[0]
            )
        )
    if categories:
        made.append(
            Edge(name="every category unknown", change=dict.fromkeys(categories, "\u2047 unseen"))
        )
    first = everything[0]
    made.append(Edge(name="a missing column is refused", without=(first,), refused=first))
    surplus = "a column that is no input"
    made.append(Edge(name="a surplus column is refused", change={surplus: 1}, refused=surplus))
    return made


def _latest(model: Model, settings: Settings, holdout: DataFrame, latest: DataFrame) -> Sample:
    """The latest production rows score like the holdout: their mean within five standard errors."""
    inputs = [column.name for column in model.signature.inputs]
    values = model.score(table.tensors(holdout, settings, inputs)).values
    of = model.signature.classes[0] if values.ndim == 2 else None
    seen = values[:, 0] if values.ndim == 2 else values
    error = 5 * _standard_error(seen, latest, settings)
    low, high = (round(float(seen.mean()) + side * error, 6) for side in (-1, 1))
    name = "the latest production scores like the holdout"
    return Sample(name=name, sample="latest", low=low, high=high, of=of)


def _standard_error(scores: Floats, latest: DataFrame, settings: Settings) -> float:
    """The standard error of the mean score of the latest rows; scores: [n] of the holdout.

    Rows of one group count as one. In a split by time, neighbours are alike, so that the means of
    successive blocks of the holdout differ more than means of independent rows.
    """
    clusters = clusters_of(latest, settings)
    size = len(latest) if clusters is None else effective_size(clusters)
    error = float(scores.std()) / size**0.5
    if settings.split.by_time is None:
        return error
    blocks = [part.mean() for part in np.array_split(scores, len(scores) // len(latest) or 1)]
    return max(error, float(np.std(blocks)))


def _recorded(project: Project, rows: DataFrame) -> Recorded:
    trusted = usecase.load(project, "candidates", "TRUSTED")
    pipeline = persist.load(project.model / "pipeline.skops", trusted)
    settings = project.settings
    return Recorded(
        name="the holdout rows score as when the model was built",
        sample="holdout",
        scores=predict(pipeline, settings, rows).reshape(len(rows), -1).tolist(),
        tolerance=settings.parity.tolerance,
    )
