"""Compare the scores of the executable model with those of the fitted pipeline.

The scores are compared on the holdout, and on the rows at the edges of the model
(`train/edges.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.errors import SluiceError
from sluice.metrics import Floats
from sluice.model import Model, decide, difference, scale_of
from sluice.project import Project
from sluice.verdict import Bound, Finding, judge

if TYPE_CHECKING:
    from pandas import DataFrame


def measure(project: Project) -> list[Finding]:
    """The findings of the gate, on the holdout and on the rows at the edges of the model."""
    settings = project.settings
    model = Model(project.model)
    inputs = [column.name for column in model.signature.inputs]
    holdout = table.read_split(project.split("holdout"), inputs)
    bound = Bound(project.source("parity", "tolerance"), high=settings.parity.tolerance)
    edges = table.read_split(project.model / "edges.parquet")[inputs]
    scale = scale_of(settings.task, _of_pipeline(project, "holdout", holdout))
    findings = []
    for name, rows in {"holdout": holdout, "edges": edges}.items():
        expected = _of_pipeline(project, name, rows)
        got = model.score(table.tensors(rows, settings, inputs))
        gap = difference(expected, got.values, scale)
        findings.append(judge(f"parity/{name}/difference", gap, bound, n=len(rows)))
        if settings.task != "regression":
            findings.append(
                _same_decisions(name, decide(model.signature.decision, expected), got.decisions)
            )
    return findings


def _of_pipeline(project: Project, name: str, rows: DataFrame) -> Floats:
    """The scores that the fitted pipeline gave to these rows when it was exported."""
    try:
        scores = np.load(project.model / f"{name}.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SluiceError(f"out/model/{name}.npy is not readable: {error}") from None
    if len(scores) != len(rows):
        raise SluiceError(
            f"out/model/{name}.npy has {len(scores):,} scores for {len(rows):,} rows: run "
            "'sluice export' again"
        )
    return scores


def _same_decisions(name: str, expected: np.ndarray, got: np.ndarray) -> Finding:
    changed = int(np.count_nonzero(expected != got))
    bound = Bound("a decision must not depend on the runtime", high=0.0)
    return judge(f"parity/{name}/decisions", changed, bound, n=len(got))
