"""Select a candidate and tune its decision, using only the validation part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sluice import table
from sluice.decision import decided, tune
from sluice.errors import SluiceError
from sluice.files import read_json, write_json
from sluice.metrics import METRICS, Floats, Ints, of_task
from sluice.model import Decision
from sluice.project import Project
from sluice.segment_gains import gains, losses

if TYPE_CHECKING:
    from pandas import DataFrame


def run(project: Project) -> str:
    """Write `selection.json`, and return the name of the selected candidate."""
    settings = project.settings
    validation = table.read_split(project.split("validation"))
    truth = table.truth(validation, settings)
    tried = {name: _try(project, name, validation, truth) for name in settings.candidates}
    chosen = choose(
        {name: candidate.metrics for name, candidate in tried.items()},
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
                    "decision": msgspec.to_builtins(candidate.decision),
                    "metrics": {k: _defined(v) for k, v in candidate.metrics.items()},
                    **candidate.segments,
                }
                for name, candidate in tried.items()
            },
        },
    )
    return chosen


def choose(metrics: dict[str, dict[str, float]], metric: str, within: float) -> str:
    """The candidate with the lowest cost among those that are at most `within` worse than the best.

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


@dataclass(frozen=True)
class _Tried:
    """The decision rule and the metrics of a candidate on the validation part. segments: those that
    use their own models.
    """

    decision: Decision
    metrics: dict[str, float]
    segments: dict[str, Any]


def _try(project: Project, name: str, validation: DataFrame, truth: Floats | Ints) -> _Tried:
    settings = project.settings
    folder = project.candidate(name)
    scores = np.load(folder / "validation.npy", allow_pickle=False)
    segments = {}
    if settings.segment_column is not None:
        rest = np.load(folder / "validation_global.npy", allow_pickle=False)
        names = [name for name, own in read_json(folder / "segments.json").items() if own]
        labels = validation[settings.segment_column].to_numpy()
        both = (losses(settings.task, truth, values) for values in (scores, rest))
        judged = gains(names, labels, *both)
        served = [one.name for one in judged if one.status == "pass"]
        # Not np.isin, which compares each text with each segment.
        others = ~validation[settings.segment_column].isin(served).to_numpy(bool)
        scores[others] = rest[others]
        segments = {"segments": msgspec.to_builtins(judged)}
    decision = tune(settings, truth, scores)
    outcome = decided(settings, truth, scores, decision)
    values = {key: metric.compute(outcome) for key, metric in of_task(settings.task).items()}
    return _Tried(decision, values, segments)
