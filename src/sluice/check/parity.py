"""Compare the scores of the executable model with those of the fitted pipeline.

They are compared on the holdout, and on holdout rows which are changed: to values on and next to
every split threshold, to the ends of float32, to missing values, and to each level of a category
and an unknown one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sluice import table, usecase
from sluice.model import Model, decide, difference, scale_of
from sluice.project import Project
from sluice.train import persist, thresholds
from sluice.train.scores import predict
from sluice.verdict import Bound, Finding, judge

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# Numbers which float32 cannot represent, amounts in cents, and the ends of float32.
_AWKWARD = [0.0, -0.0, -1.0, 0.1, 1e9 + 0.01, 2.0**24 + 1, -(2.0**24) - 1, 1e15, 3e38, -3e38]


def measure(project: Project) -> list[Finding]:
    settings = project.settings
    pipeline = persist.load(
        project.model / "pipeline.skops", usecase.load(project, "candidates", "TRUSTED")
    )
    model = Model(project.model)
    inputs = [column.name for column in model.signature.inputs]
    holdout = table.read_split(project.split("holdout"))[inputs]
    bound = Bound(project.source("parity", "tolerance"), high=settings.parity.tolerance)
    scale = scale_of(settings.task, predict(pipeline, settings, holdout))
    findings = []
    for name, rows in {
        "holdout": holdout,
        "edges": edge_rows(holdout, pipeline, len(model.signature.numbers), settings.seed),
    }.items():
        expected = predict(pipeline, settings, rows)
        got = model.score(table.tensors(rows, settings, inputs))
        gap = difference(expected, got.values, scale)
        findings.append(judge(f"parity/{name}/difference", gap, bound, n=len(rows)))
        if settings.task != "regression":
            findings.append(
                _same_decisions(name, decide(model.signature.decision, expected), got.decisions)
            )
    return findings


def _same_decisions(name: str, expected: np.ndarray, got: np.ndarray) -> Finding:
    changed = int(np.count_nonzero(expected != got))
    bound = Bound("a decision must not depend on the runtime", high=0.0)
    return judge(f"parity/{name}/decisions", changed, bound, n=len(got))


def edge_rows(holdout: DataFrame, pipeline: Any, numbers: int, seed: int) -> DataFrame:
    """Holdout rows, each with one number at an edge, or one category set to another value."""
    import pandas as pd

    edges = _edges(pipeline, numbers)
    random = np.random.default_rng(seed)
    parts = []
    for position, name in enumerate(holdout.columns):
        values = edges[position] if position < numbers else _levels(holdout[name])
        rows = holdout.iloc[random.integers(0, len(holdout), len(values))].copy()
        rows[name] = values
        parts.append(rows)
    nothing = holdout.iloc[:1].copy()
    for position, name in enumerate(holdout.columns):
        nothing[name] = np.nan if position < numbers else ""
    return pd.concat([*parts, nothing], ignore_index=True)


def _levels(column: Series) -> np.ndarray:
    return np.array(["", "\u0000 unseen", *sorted(column.unique())], object)


def _edges(pipeline: Any, numbers: int) -> list[np.ndarray]:
    """For each number: its thresholds, their neighbours in float32 and float64, awkward values.

    The encoders put the numbers first and keep their order, so these are the model's first columns.
    """
    found = thresholds.of_model(pipeline[-1])
    made = []
    for position in range(numbers):
        at = found.get(position, np.array([]))
        at = at[np.isfinite(at)]
        near = at.astype(np.float32)
        beside = [np.nextafter(near, np.float32(way)) for way in (-np.inf, np.inf)]
        close = [np.nextafter(at, way) for way in (-np.inf, np.inf)]
        made.append(np.concatenate([at, near, *beside, *close, _AWKWARD, [np.nan]], dtype=float))
    return made
