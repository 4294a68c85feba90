"""How the performance gate judges the models of segments against the model for all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sluice import table
from sluice.decision import decided
from sluice.files import read_json, write_json
from sluice.metrics import Predictions
from sluice.model import Model, Scores
from sluice.project import Project
from sluice.segment_gains import SegmentGain, gains, losses
from sluice.verdict import Bound, Finding, Status, judge

if TYPE_CHECKING:
    from pandas import DataFrame

GLOBAL = "the model for all rows"
_SHOWN = 5
_NOBODY = ""  # a missing segment is scored by the model for all rows


def by_global(project: Project, frame: DataFrame) -> Predictions:
    """The predictions of the model for all rows."""
    settings, model = project.settings, Model(project.model)
    nobody = frame.assign(**{str(settings.segment_column): _NOBODY})
    scores = _scores(project, model, nobody)
    truth = table.truth(frame, settings)
    return decided(settings, truth, scores.values, model.signature.decision)


def findings(
    project: Project, frame: DataFrame, outcome: Predictions, rest: Predictions
) -> list[Finding]:
    """How many segments the model for all rows serves, and which models of segments are worse.

    frame, outcome, rest: the holdout rows, the model's predictions, and those of the model for all
    rows.
    """
    settings, column = project.settings, str(project.settings.segment_column)
    served = _scores(project, Model(project.model), frame).segments
    labels = frame[column].to_numpy()
    own = sorted({name for name in served if name is not None}) if served is not None else []
    both = (losses(settings.task, outcome.truth, one.scores) for one in (outcome, rest))
    judged = gains(own, labels, *both)
    tried = _tried(project)
    write_json(
        project.evidence("performance") / "segments.json",
        {
            "column": column,
            "validation": msgspec.to_builtins(tried),
            "holdout": msgspec.to_builtins(judged),
        },
    )
    return [_on_global(project, set(labels), set(own), tried), _worse(judged)]


def _on_global(
    project: Project, all_: set[str], own: set[str], tried: list[SegmentGain]
) -> Finding:
    settings = project.settings.performance
    bound = Bound("params.yaml: performance.segments_on_global", high=settings.segments_on_global)
    rest = sorted(all_ - own)
    failed = [one.name for one in tried if one.status == "fail" and one.name in all_]
    found = judge(
        "performance/share of segments served by the model for all rows",
        len(rest) / len(all_),
        bound,
        n=len(all_),
    )
    told = f"{len(rest):,} of {len(all_):,} segments of the holdout"
    if failed:
        told += f"; the models of {_named(failed)} are worse than the model for all rows"
    return msgspec.structs.replace(found, why=f"{found.why}: {told}")


def _worse(judged: list[SegmentGain]) -> Finding:
    """Refuse the models of segments that are in use although new rows show that they are worse."""
    name = "performance/models of segments that are worse than the one for all rows"
    bound = Bound("a segment must not be worse with a model of its own", high=0)
    bad = [one.name for one in judged if one.status == "fail"]
    n = len(judged)
    if not bad:
        why = f"none of {n:,} models is worse on the holdout, at a false discovery rate of 5 %"
        return Finding(name, Status.PASS, why, 0, n=n, bound=bound)
    why = f"{len(bad):,} of {n:,} models are worse on the holdout: {_named(bad)}"
    return Finding(name, Status.FAIL, why, len(bad), n=n, bound=bound)


def _named(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} others"


def _scores(project: Project, model: Model, frame: DataFrame) -> Scores:
    inputs = [column.name for column in model.signature.inputs]
    return model.score(table.tensors(frame, project.settings, inputs))


def _tried(project: Project) -> list[SegmentGain]:
    """The results on the validation rows for each segment that got a model."""
    selection = read_json(project.selection)
    chosen = selection["candidates"][selection["chosen"]]
    return msgspec.convert(chosen["segments"], list[SegmentGain])
