"""Is the candidate no worse than the model in production, on the same rows?

No stage of the road to a package: who serves production is not in the repository, and a
package holds what its commit says. Both models score one holdout, resampled in pairs
(percentile bootstrap; Efron and Tibshirani, 1993), so that what is easy or hard about a
row cancels out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sluice import gates
from sluice.champion import local as champion
from sluice.check.outcome import of_model, of_split
from sluice.files import read_yaml, write_json
from sluice.metrics import METRICS, Outcome, of_task
from sluice.model import Model, Signature
from sluice.package.archive import Package, opened
from sluice.project import Project
from sluice.stats.bootstrap import Rows, intervals
from sluice.verdict import Bound, Finding, Status, Verdict, judge, number, plain

if TYPE_CHECKING:
    from pandas import DataFrame

GATE = "champion"


def run(project: Project, where: Path) -> Verdict:
    """Judge against what `where` holds: a package, or the folder that the champion was put into.

    Writes the comparison and the verdict to `out/champion/`, whatever happens on the way.
    """
    forget(project)
    ran = gates.run(
        GATE,
        lambda: _look(project, where),
        lambda verdict: verdict.write(_folder(project) / "verdict.json"),
        lambda: project.settings.accept,
    )
    return ran.verdict


def comparison(project: Project) -> Path:
    return _folder(project) / "comparison.json"


def _folder(project: Project) -> Path:
    return project.out / "champion"


def forget(project: Project) -> None:
    for name in ("verdict.json", "comparison.json"):
        (_folder(project) / name).unlink(missing_ok=True)


def _look(project: Project, where: Path) -> list[Finding]:
    serving = champion.find(where)
    if serving is None:
        write_json(comparison(project), {"release": None})
        why = "There is no full release yet: whoever is released first is the champion."
        return [Finding(f"{GATE}/none", Status.PASS, why)]
    frame, candidate = of_split(project, "holdout")
    with opened(serving.package) as unpacked:
        model = Model(unpacked.model)
        lacking = _why_not(project, model.signature, frame) or _other_rows(project, unpacked)
        if lacking:
            write_json(comparison(project), {"release": serving.name})
            why = f"{lacking}; who can do without a comparison accepts this finding in params.yaml"
            return [Finding(f"{GATE}/comparable", Status.INSUFFICIENT, why)]
        rival = of_model(project.settings, model, frame)
    return _compare(project, serving.name, candidate, rival)


def _why_not(project: Project, signature: Signature, frame: DataFrame) -> str | None:
    """What keeps the champion from scoring these rows."""
    settings = project.settings
    if signature.task != settings.task or list(signature.classes) != settings.classes:
        return "the champion predicts something else, so there is nothing to compare with"
    for column in signature.inputs:
        known = settings.columns.get(column.name)
        if known is None or column.name not in frame:
            return f"the champion reads {column.name!r}, which the data does not have any more"
        if known.numeric != (column.type == "number"):
            return f"the champion reads {column.name!r} as a {column.type}, the data has another"
    return None


def _other_rows(project: Project, champion: Package) -> str | None:
    """What lets the champion have been trained on rows that are held out here."""
    settings = project.settings
    theirs = read_yaml(champion.folder / "configuration/params.yaml")
    if theirs["split"] != settings.split.model_dump():
        return "the champion was held to another split, so it may have learned from these rows"
    if theirs["data"].get("id") != settings.data.id:
        return "the champion's rows had another id, so it may have learned from these"
    if settings.data.id is None and set(theirs["columns"]) != set(settings.columns):
        return (
            "without an id, rows are parted by all their columns, and the champion had others: "
            "it may have learned from these rows"
        )
    return None


def _compare(project: Project, release: str, candidate: Outcome, rival: Outcome) -> list[Finding]:
    settings = project.settings
    suitable = of_task(settings.task)

    def gains(rows: Rows) -> dict[str, float]:
        ours, theirs = candidate.rows(rows), rival.rows(rows)
        return {
            name: metric.gain(metric.compute(ours), metric.compute(theirs))
            for name, metric in suitable.items()
        }

    n = len(candidate.truth)
    spans = intervals(
        gains,
        n,
        resamples=settings.performance.resamples,
        confidence=settings.performance.confidence,
        seed=settings.seed,
        doing=GATE,
    )
    whole = gains(np.arange(n))
    values = {name: metric.compute(rival) for name, metric in suitable.items()}
    pairs = {
        name: {
            "candidate": _defined(METRICS[name].compute(candidate)),
            "champion": _defined(values[name]),
            "gain": _defined(whole[name]),
            "low": _defined(spans[name][0]),
            "high": _defined(spans[name][1]),
        }
        for name in suitable
    }
    write_json(comparison(project), {"release": release, "rows": n, "metrics": pairs})
    source = "params.yaml: performance.under_champion, of the champion's own number"
    findings = []
    # What its scores are worth, and what its decisions cost.
    for name in dict.fromkeys([settings.selection.metric, "cost"]):
        bound = Bound(source, low=plain(-settings.performance.under_champion * abs(values[name])))
        found = judge(f"{GATE}/gain in {name}", whole[name], bound, interval=spans[name], n=n)
        ours = METRICS[name].compute(candidate)
        findings.append(_beside(found, f"{number(ours)} against {number(values[name])}"))
    return findings


def _beside(found: Finding, numbers: str) -> Finding:
    """A loss in the numbers that people know, before the bound on it."""
    words = {Status.PASS: "no worse", Status.INSUFFICIENT: "perhaps worse", Status.FAIL: "worse"}
    why = f"{words[found.status]} than the champion, {numbers}: {found.why}"
    return msgspec.structs.replace(found, why=why)


def _defined(value: float) -> float | None:
    return plain(value) if np.isfinite(value) else None
