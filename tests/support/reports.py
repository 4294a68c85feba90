"""Write a report as the commands do, and read it back."""

from __future__ import annotations

from pathlib import Path

from sluice import gates
from sluice.project import Project
from sluice.report.record import Report
from sluice.report.write import write
from sluice.verdict import Finding, Status, Verdict

TOO_FEW = Finding("fairness/sex=f/rows", Status.INSUFFICIENT, "3 rows are too few", n=3)
FAILS = Finding("scenarios/a loop", Status.FAIL, "it scored -1")
# Everything that Markdown, HTML or GitHub could act on.
HOSTILE = (
    "a|b`c`<script>alert(1)</script>\n@everyone [x](http://x.y) www.x.y #12 $z$ _i_ **b** \u202e"
)


def verdict(project: Project, name: str, *findings: Finding) -> None:
    """Write the verdict of one gate."""
    Verdict.of(name, list(findings)).write(project.verdict(name))


def report(project: Project, base: Path | None = None) -> tuple[Report, str, str]:
    """Write the report: its data, its Markdown and its HTML."""
    written = write(project, gates.collect(project), base=base)
    markup, page = (project.report / name for name in ("report.md", "report.html"))
    return written, markup.read_text("utf-8"), page.read_text("utf-8")
