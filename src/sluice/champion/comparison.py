"""The champion gate: is the candidate at least as good as the model in production?

Both models score the same holdout rows, which are resampled in pairs (percentile bootstrap; Efron
and Tibshirani, 1993), so that rows which are easy or hard for both cancel out. The gate is not a
stage of the pipeline: the champion is not in the repository, and a package depends on its commit
alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sluice import gates, judged
from sluice.champion import folder
from sluice.check.clusters import clusters_of, with_count
from sluice.check.outcome import of_model, of_split
from sluice.config import INDEPENDENT
from sluice.files import read_yaml, write_json
from sluice.metrics import METRICS, Floats, Predictions, of_task
from sluice.model import Model, Signature
from sluice.package.archive import Package, opened
from sluice.project import Project
from sluice.stats import reuse
from sluice.stats.bootstrap import Clusters, Rows, intervals
from sluice.train import instants
from sluice.verdict import Bound, Finding, Status, Verdict, judge, number, plain

if TYPE_CHECKING:
    from pandas import DataFrame

GATE = "champion"
ON_NEW_ROWS = "champion on new rows"
_FEWEST_NEW = 30  # holdout rows; with fewer, a sample may lack a class


def run(project: Project, where: Path, others: Collection[judged.Model] = ()) -> Verdict:
    """Judge the candidate against the champion in `where`, a package or a fetched folder.

    others: models that were judged on the same rows and are not in judged.jsonl. Writes the
    comparison and the verdict to out/champion/; an error becomes a finding.
    """
    forget(project)
    ran = gates.run(
        GATE,
        lambda: _look(project, where, others),
        lambda verdict: verdict.write(_folder(project) / "verdict.json"),
        lambda: project.settings.accept,
    )
    return ran.verdict


def run_on_new_rows(project: Project, where: Path, ids: set[object], file: Path) -> Verdict:
    """Judge the candidate against the champion on those holdout rows that have just been added.

    No earlier model was judged on them. ids: the ids of all new rows, in the type that they have in
    the split. file: where the numbers of both models are written, in addition to the verdict.
    """

    def look() -> list[Finding]:
        frame, candidate = of_split(project, "holdout")
        new = frame[project.settings.data.id].isin(ids).to_numpy()
        if new.sum() < _FEWEST_NEW:
            why = (
                f"{int(new.sum())} of the new rows are in the holdout, fewer than the "
                f"{_FEWEST_NEW} that a comparison needs"
            )
            return [Finding(f"{ON_NEW_ROWS}/rows", Status.INSUFFICIENT, why, n=int(new.sum()))]
        rows = np.flatnonzero(new)
        part = frame.iloc[rows].reset_index(drop=True)
        return _judge(project, where, part, candidate.rows(rows), file=file, gate=ON_NEW_ROWS)

    ran = gates.run(
        ON_NEW_ROWS,
        look,
        lambda verdict: verdict.write(file.with_name("verdict.json")),
        lambda: project.settings.accept,
    )
    return ran.verdict


def comparison(project: Project) -> Path:
    """The file with the numbers of both models."""
    return _folder(project) / "comparison.json"


def _folder(project: Project) -> Path:
    return project.out / "champion"


def forget(project: Project) -> None:
    """Delete the results of an earlier run."""
    for name in ("verdict.json", "comparison.json"):
        (_folder(project) / name).unlink(missing_ok=True)


def _look(project: Project, where: Path, others: Collection[judged.Model]) -> list[Finding]:
    frame, candidate = of_split(project, "holdout")
    times = judged.count(project, frame, others)
    return _judge(
        project, where, frame, candidate, file=comparison(project), gate=GATE, times=times
    )


def _judge(
    project: Project,
    where: Path,
    frame: DataFrame,
    candidate: Predictions,
    *,
    file: Path,
    gate: str,
    times: int = 1,
) -> list[Finding]:
    """Judge the candidate's predictions of the rows of `frame` against those of the champion.

    times: how many models were judged on these rows.
    """
    champion = folder.read(where)
    if champion is None:
        write_json(file, {"release": None})
        why = "There is no full release yet, so there is no champion to compare with."
        return [Finding(f"{gate}/none", Status.PASS, why)]
    with opened(champion.package) as unpacked:
        model = Model(unpacked.model)
        obstacle = _cannot_score(project, model.signature, frame) or _may_know_rows(
            project, unpacked, frame
        )
        if obstacle:
            write_json(file, {"release": champion.name})
            why = f"{obstacle}; to release without a comparison, accept this finding in params.yaml"
            return [Finding(f"{gate}/comparable", Status.INSUFFICIENT, why)]
        other = of_model(project.settings, model, frame)
    compared = _Compared(champion.name, candidate, other, clusters_of(frame, project.settings))
    return _compare(project, compared, file=file, gate=gate, judged=times)


def _cannot_score(project: Project, signature: Signature, frame: DataFrame) -> str | None:
    """Why the champion cannot score these rows; None if it can."""
    settings = project.settings
    if signature.task != settings.task or list(signature.classes) != settings.classes:
        return "the champion predicts another task or other classes, so it cannot be compared"
    for column in signature.inputs:
        known = settings.columns.get(column.name)
        if known is None or column.name not in frame:
            return f"the champion needs the column {column.name!r}, which the data no longer has"
        if known.numeric != (column.type == "number"):
            return (
                f"the champion needs {column.name!r} as a {column.type}, which it no longer is "
                "in the data"
            )
    return None


def _may_know_rows(project: Project, champion: Package, holdout: DataFrame) -> str | None:
    """Why the champion may have been trained on rows of this holdout; None if it was not."""
    settings = project.settings
    theirs = read_yaml(champion.params)
    if _rule(theirs["split"]) != _rule(settings.split.model_dump()):
        return "the champion was trained with another split, so it may have seen these rows"
    if settings.split.by_time is not None:
        return _trained_later(champion, instants.newest(holdout, settings.split))
    if settings.split.group_column is not None:
        return None
    if theirs["data"].get("id") != settings.data.id:
        return "the champion was split by another id column, so it may have seen these rows"
    if settings.data.id is None and set(theirs["columns"]) != set(settings.columns):
        return (
            "without an id column, rows are split by their content, and the champion's data had "
            "other columns, so it may have seen these rows"
        )
    return None


def _rule(split: dict[str, object]) -> dict[str, object]:
    """The settings that decide the part of a row, without those that have no effect."""
    decide = {name: value for name, value in split.items() if name != "train_rows"}
    return {name: value for name, value in decide.items() if value not in (None, INDEPENDENT)}


def _trained_later(champion: Package, holdout: Floats) -> str | None:
    """Why a champion that was split by time may have seen rows at these times; None if not."""
    splits = champion.data.splits
    until = [splits[name].until for name in ("train", "validation") if name in splits]
    known = [time for time in until if time is not None]
    if len(known) < 2 or max(known) >= holdout.min():
        return "the champion was trained on rows that are as new as these, so it may have seen them"
    return None


@dataclass(frozen=True)
class _Compared:
    """What both models predict for the same rows. release: the champion's name."""

    release: str
    candidate: Predictions
    other: Predictions
    clusters: Clusters | None


def _compare(
    project: Project, compared: _Compared, *, file: Path, gate: str, judged: int
) -> list[Finding]:
    """Judge the gain in the selection's metric and in cost, and write down the gain in every
    metric.

    judged: how many models were judged on these rows, which widens the intervals.
    """
    candidate, other, clusters = compared.candidate, compared.other, compared.clusters
    settings = project.settings
    suitable = of_task(settings.task)

    def gains(rows: Rows) -> dict[str, float]:
        ours, theirs = candidate.rows(rows), other.rows(rows)
        return {
            name: metric.gain(metric.compute(ours), metric.compute(theirs))
            for name, metric in suitable.items()
        }

    n = len(candidate.truth)
    spans = intervals(
        gains,
        n,
        clusters=clusters,
        rarest=candidate.rarest,
        resamples=settings.performance.resamples,
        confidence=settings.performance.confidence,
        seed=settings.seed,
        doing=gate,
    )
    whole = gains(np.arange(n))
    factor = reuse.widening(settings.performance.confidence, judged)
    spans = {name: reuse.widened(whole[name], span, factor) for name, span in spans.items()}
    values = {name: metric.compute(other) for name, metric in suitable.items()}
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
    write_json(file, {"release": compared.release, "rows": n, "metrics": pairs})
    source = "params.yaml: performance.under_champion, times the champion's own value"
    findings = []
    for name in dict.fromkeys([settings.selection.metric, "cost"]):
        bound = Bound(source, low=plain(-settings.performance.under_champion * abs(values[name])))
        found = judge(f"{gate}/gain in {name}", whole[name], bound, interval=spans[name], n=n)
        ours = METRICS[name].compute(candidate)
        found = _with_values(with_count(found, clusters, settings), ours, values[name])
        findings.append(found)
    return findings


def _with_values(found: Finding, ours: float, theirs: float) -> Finding:
    """The finding on the gain, with the values of both models before it."""
    words = {Status.PASS: "no worse", Status.INSUFFICIENT: "perhaps worse", Status.FAIL: "worse"}
    values = f"{number(ours)} for the candidate, {number(theirs)} for the champion"
    why = f"{words[found.status]} than the champion ({values}); gain: {found.why}"
    return msgspec.structs.replace(found, why=why)


def _defined(value: float) -> float | None:
    return plain(value) if np.isfinite(value) else None
