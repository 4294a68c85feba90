"""Collect a report's data from a project in any state: what is absent is named, never an error."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sluice.config import Settings
from sluice.contribution.record import Contribution
from sluice.errors import SluiceError
from sluice.files import read_json
from sluice.judged import Model
from sluice.project import Project
from sluice.report.evidence import (
    ChampionComparison,
    ColumnImportance,
    ExplainedRow,
    GroupComparison,
    Performance,
    SegmentResults,
    Selection,
)
from sluice.report.evidence_files import EvidenceFiles
from sluice.report.record import Report, UnneededAcceptance, completed, is_releasable
from sluice.verdict import Status, Verdict

_SPLITS = ("train", "validation", "holdout", "latest")


def collect(
    project: Project,
    verdicts: list[Verdict],
    *,
    trouble: str | None = None,
    stale_lock: bool = False,
    contribution: Contribution | None = None,
    since_champion: Contribution | None = None,
    judged: Model | None = None,
) -> Report:
    """The report on the files under out/.

    verdicts: the verdict of every gate that belongs to the run. trouble: the error that stopped the
    run.
    """
    settings = None
    try:
        settings = project.settings
    except SluiceError as error:
        trouble = trouble or str(error)
    gates = tuple(sorted(verdicts, key=_severity))
    files = EvidenceFiles(project)
    ended = {gate.gate for gate in gates if completed(gate)}
    stopped = [gate.gate for gate in gates if gate.gate not in ended]
    if stopped:
        files.missing.append(f"gates that did not complete: {', '.join(stopped)}")
    evidence = _evidence(files, settings, ended)
    splits = _splits(project, files) if evidence["selection"] else {}
    report = Report(
        name=settings.name if settings else "This candidate",
        releasable=is_releasable(gates, trouble),
        reason=_reason(gates, trouble),
        gates=gates,
        trouble=trouble,
        stale_lock=stale_lock,
        splits=splits,
        sampled_from=sampled_from(project) if splits else None,
        missing=tuple(files.missing),
        contribution=contribution,
        since_champion=since_champion,
        judged=judged,
        **(_from_settings(settings, gates, ended) if settings else {}),  # type: ignore[arg-type]
        **evidence,  # type: ignore[arg-type]
    )
    return _without_local_paths(report, project.root)


def _evidence(
    files: EvidenceFiles, settings: Settings | None, ended: set[str]
) -> dict[str, object]:
    """The evidence of the gates that completed; anything else is from an earlier run."""
    selection = files.read("selection.json", Selection) if ended else None
    found: dict[str, object] = {"selection": selection}
    if "performance" in ended:
        found["performance"] = files.read("evidence/performance/metrics.json", Performance)
        if settings and settings.segment_column is not None:
            where = "evidence/performance/segments_summary.json"
            found["segments"] = files.read(where, SegmentResults)
        found["curves"] = files.curves(settings.task if settings else None)
    if "fairness" in ended:
        groups = files.read("evidence/fairness/groups.json", tuple[GroupComparison, ...])
        found["fairness"] = groups or ()
    if "explanation" in ended:
        columns = files.read("evidence/explanation/importance.json", tuple[ColumnImportance, ...])
        rows = files.read("evidence/explanation/rows.json", tuple[ExplainedRow, ...])
        found |= {"importance": columns or (), "rows": rows or ()}
    if "champion" in ended:
        found["champion"] = files.read(
            "champion/comparison.json", ChampionComparison, required=False
        )
    return found


def _splits(project: Project, files: EvidenceFiles) -> dict[str, int]:
    sizes = {part: files.rows(project.split(part)) for part in _SPLITS}
    unknown = [part for part, size in sizes.items() if size is None]
    if unknown:
        files.missing.append(f"out/split is not readable: {', '.join(unknown)}")
    return {part: size for part, size in sizes.items() if size is not None}


def sampled_from(project: Project) -> int | None:
    """The number of rows that the train part was sampled from; None if it has all of them."""
    return int(read_json(project.sampled)["of"]) if project.sampled.is_file() else None


def _from_settings(
    settings: Settings, gates: tuple[Verdict, ...], ended: set[str]
) -> dict[str, object]:
    return {
        "task": settings.task,
        "target": settings.data.target,
        "classes": tuple(settings.classes),
        "positive": settings.classes[1] if settings.task == "binary" else None,
        "bounds": settings.bounds,
        "confidence": settings.performance.confidence,
        "unneeded": _unneeded(settings, gates, ended),
    }


def _reason(gates: tuple[Verdict, ...], trouble: str | None) -> str:
    if trouble is not None:
        return trouble
    if not gates:
        return "No gate has run."
    worst = gates[0]
    if not worst.passes:
        return worst.why if worst.findings else f"{worst.gate}: {worst.why}"
    accepted = sum(f.accepted is not None for gate in gates for f in gate.findings)
    if accepted:
        what = "1 finding" if accepted == 1 else f"{accepted} findings"
        return f"All {len(gates)} gates pass; params.yaml accepts {what} with too little evidence."
    return f"All {len(gates)} gates pass."


def _severity(gate: Verdict) -> int:
    if gate.passes:
        return 3 if gate.status is Status.PASS else 2
    return 0 if gate.status is Status.FAIL else 1


def _unneeded(
    settings: Settings, gates: tuple[Verdict, ...], ended: set[str]
) -> tuple[UnneededAcceptance, ...]:
    insufficient = {
        f.name for one in gates for f in one.findings if f.status is Status.INSUFFICIENT
    }
    known = {"champion", "attempts", *(one.gate for one in gates)}
    return tuple(
        UnneededAcceptance(item.finding, item.reason)
        for item in settings.accept
        if item.finding not in insufficient
        # A gate that did not complete may still need it.
        and ((gate := item.finding.partition("/")[0]) in ended or gate not in known)
    )


def _without_local_paths(report: Report, root: Path) -> Report:
    """The report without this machine's path to the project."""
    if not root.is_absolute():
        return report
    text = msgspec.json.encode(report)
    for folder in {root, root.resolve()}:
        text = text.replace(msgspec.json.encode(f"{folder}/")[1:-1], b"")
    return msgspec.json.decode(text, type=Report)
