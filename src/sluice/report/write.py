"""Write the report of a project in any state: as Markdown, HTML and JSON."""

from __future__ import annotations

from pathlib import Path

from sluice import files
from sluice.contribution.record import Contribution
from sluice.errors import SluiceError
from sluice.judged import Model
from sluice.project import Project
from sluice.report import html, markdown, record
from sluice.report.collect import collect
from sluice.report.record import Report
from sluice.verdict import Verdict


def write(
    project: Project,
    verdicts: list[Verdict],
    *,
    base: Path | None = None,
    trouble: str | None = None,
    stale_lock: bool = False,
    contribution: Contribution | None = None,
    since_champion: Contribution | None = None,
    judged: Model | None = None,
    folder: Path | None = None,
) -> Report:
    """Write report.md, report.html and report.json to `folder`, and return their content.

    verdicts: the verdict of every gate of the run. base: an earlier report.json to compare with. If
    it cannot be read, the report is written without it, and then SluiceError is raised. trouble:
    the error that stopped the run. folder: out/report unless given.
    """
    report = collect(
        project,
        verdicts,
        trouble=trouble,
        stale_lock=stale_lock,
        contribution=contribution,
        since_champion=since_champion,
        judged=judged,
    )
    target = folder or project.report
    try:
        earlier = record.read(base) if base else None
    except SluiceError:
        _write(target, report, None)
        raise
    _write(target, report, earlier)
    return report


def _write(folder: Path, report: Report, base: Report | None) -> None:
    pages = {
        "report.json": record.encode(report),
        "report.md": markdown.render(report, base).encode(),
        "report.html": html.render(report, base).encode(),
    }
    for name, content in pages.items():
        files.write(folder / name, content)
