"""Select a candidate and tune its decision, on the validation part alone."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from sluice import table
from sluice.decision import decided, tune
from sluice.errors import SluiceError
from sluice.files import write_json
from sluice.metrics import METRICS, Floats, Ints, of_task
from sluice.model import Decision
from sluice.project import Project


def run(project: Project) -> str:
    """Write `selection.json`, and return the name of the selected candidate."""
    settings = project.settings
    validation = table.read_split(project.split("validation"))
    truth = table.truth(validation, settings)
    tried = {name: _try(project, name, truth) for name in settings.candidates}
    chosen = choose(
        {name: metrics for name, (_, metrics) in tried.items()},
        settings.selection.metric,
        settings.selection.within,
    )
    write_json(
        project.selection,
        {
            "chosen": chosen,
            "metric": settings.selection.metric,
            "validation_rows": len(truth),
            "candidates": {
                name: {
                    "decision": msgspec.to_builtins(decision),
                    "metrics": {k: _defined(v) for k, v in metrics.items()},
                }
                for name, (decision, metrics) in tried.items()
            },
        },
    )
    return chosen


def choose(metrics: dict[str, dict[str, float]], metric: str, within: float) -> str:
    """The candidate with the lowest cost, of those which are at most `within` worse than the best.

    metrics: the values of all metrics, by candidate. Raises SluiceError if `metric` is not defined.
    """
    for name, values in metrics.items():
        if math.isnan(values[metric]):
            raise SluiceError(
                f"{metric} of candidate {name} is not defined on the validation part: it has too "
                "few rows of a class; add rows, or raise split.validation in params.yaml"
            )
    gain = METRICS[metric].gain
    best = next(iter(metrics))
    for name in metrics:
        if gain(metrics[name][metric], metrics[best][metric]) > 0:
            best = name
    close = [n for n in metrics if gain(metrics[best][metric], metrics[n][metric]) <= within]
    return min(close, key=lambda name: metrics[name]["cost"])


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 10)


def _try(project: Project, name: str, truth: Floats | Ints) -> tuple[Decision, dict[str, float]]:
    settings = project.settings
    scores = np.load(project.candidate(name) / "validation.npy", allow_pickle=False)
    decision = tune(settings, truth, scores)
    outcome = decided(settings, truth, scores, decision)
    values = {key: metric.compute(outcome) for key, metric in of_task(settings.task).items()}
    return decision, values
