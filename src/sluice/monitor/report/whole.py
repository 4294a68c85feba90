"""Runs all monitors, decides, and always writes the report."""

from __future__ import annotations

from pathlib import Path

from sluice.monitor.report.collect import collect
from sluice.monitor.report.record import MonitorReport
from sluice.monitor.report.write import write
from sluice.monitor.run import Look
from sluice.project import Project
from sluice.verdict import Verdict


def report(look: Look, labels: Path | None, project: Project, folder: Path) -> MonitorReport:
    """Run the monitors; the verdicts, the decision and the report are written to the folder."""
    verdicts: list[Verdict] = [look.log(), look.drift()]
    judged, facts = look.truth(labels) if labels else (None, None)
    if judged is not None:
        verdicts.append(judged)
    if labels and (fair := look.fairness(labels)):
        verdicts.append(fair)
    decision = look.decision(judged, facts, project)
    made = collect(look, verdicts, decision, facts)
    for verdict in [*verdicts, decision.verdict()]:
        verdict.write(folder / "verdicts" / f"{verdict.gate}.json")
    write(made, folder)
    return made
