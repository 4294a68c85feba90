"""How the performance gate judges the models of segments against the model for all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice.check.outcome import of_model
from sluice.check.segments_summary import summary
from sluice.config import Settings
from sluice.files import read_json, write_json
from sluice.metrics import Predictions
from sluice.model import Model
from sluice.project import Project
from sluice.segment_gains import SegmentGain, gains, losses
from sluice.verdict import Bound, Finding, Status, judge

if TYPE_CHECKING:
    from pandas import DataFrame

GLOBAL = "the model for all rows"
_SHOWN = 5
_NOBODY = ""  # a missing segment is scored by the model for all rows


def by_global(settings: Settings, model: Model, frame: DataFrame) -> Predictions:
    """The predictions of the model for all rows."""
    return of_model(settings, model, frame.assign(**{str(settings.segment_column): _NOBODY}))


def findings(
    project: Project,
    frame: DataFrame,
    outcome: Predictions,
    rest: Predictions,
    used: NDArray[np.object_],
) -> list[Finding]:
    """How many segments the model for all rows serves, and which models of segments are worse.

    frame, outcome, rest: the n holdout rows, the model's predictions, and those of the model for
    all rows. used: [n] the segment whose model gave the score, or None.
    """
    settings, column = project.settings, str(project.settings.segment_column)
    labels = frame[column].to_numpy()
    own = sorted({name for name in used if name is not None})
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
    sizes = {str(name): int(n) for name, n in frame[column].value_counts().items() if name}
    least = settings.data.segments.rows if settings.data.segments else 0
    write_json(
        project.evidence("performance") / "segments_summary.json",
        summary(column, sizes, set(own), tried=tried, judged=judged, least=least),
    )
    return [_on_global(project, set(sizes), set(own), tried), _worse(judged)]


def _on_global(
    project: Project, all_: set[str], own: set[str], tried: list[SegmentGain]
) -> Finding:
    settings = project.settings.performance
    bound = Bound("params.yaml: performance.segments_on_global", high=settings.segments_on_global)
    rest = sorted(all_ - own)
    failed = [one.name for one in tried if one.status == "fail" and one.name in all_]
    found = judge(
        "performance/share of segments served by the model for all rows",
        len(rest) / len(all_) if all_ else 1.0,
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


def _tried(project: Project) -> list[SegmentGain]:
    """The results on the validation rows for each segment that got a model."""
    selection = read_json(project.selection)
    chosen = selection["candidates"][selection["chosen"]]
    return msgspec.convert(chosen["segments"], list[SegmentGain])
