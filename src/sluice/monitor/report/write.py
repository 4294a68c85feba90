"""Writes the report on production: monitor.md, monitor.html and monitor.json."""

from __future__ import annotations

import re
from importlib.resources import files as resources
from pathlib import Path

from markupsafe import Markup

from sluice import files, templates
from sluice.monitor.report import plots
from sluice.monitor.report.record import MonitorReport
from sluice.monitor.tables import moment
from sluice.report import formatting, markdown, wording
from sluice.verdict import Status

_MOST_COLUMNS = 60
_BLANK_LINES = re.compile(r"\n{3,}")
# The question that each monitor answers, for readers who see the report for the first time.
QUESTIONS = {
    "log": "Is the scoring log complete and readable?",
    "drift": "Do inputs and scores still look like those of training?",
    "ground-truth": "Is the model still as good as it was on the holdout?",
    "fairness": "Are groups of people still treated equally?",
}
_CONCLUSIONS = {Status.PASS: "pass", Status.FAIL: "fail", Status.INSUFFICIENT: "warn"}


def write(report: MonitorReport, folder: Path) -> None:
    """Write the three forms into the folder."""
    pages = {
        "monitor.json": files.encode_record(report, indent=1),
        "monitor.md": as_markdown(report).encode(),
        "monitor.html": as_html(report).encode(),
    }
    for name, content in pages.items():
        files.write(folder / name, content)


def as_markdown(report: MonitorReport) -> str:
    """The report as GitHub's Markdown, at most as long as a comment may be."""
    page = templates.markdown("sluice.monitor.report").get_template("monitor.md.j2")
    text = page.render(
        report=report,
        mark=markdown.MARKS[report.status],
        words=wording,
        format=formatting,
        number=formatting.number,
        count=lambda n: f"{n:,}",
        moment=moment,
    )
    return _BLANK_LINES.sub("\n\n", text.strip())[: markdown.LIMIT] + "\n"


def as_html(report: MonitorReport) -> str:
    """The report as one page that loads nothing."""
    style = resources("sluice.report").joinpath("report.css").read_text("utf-8")
    name = formatting.metric(report.truth.metric) if report.truth else ""
    page = templates.html("sluice.monitor.report").get_template("monitor.html.j2")
    return page.render(
        report=report,
        conclusion=_CONCLUSIONS[report.status],
        words=wording,
        format=formatting,
        questions=QUESTIONS,
        css=Markup(style),  # noqa: S704 - a file of the project
        alarms=plots.alarms(report.days) if report.days else None,
        columns=[(one, plots.column(one)) for one in report.columns[:_MOST_COLUMNS]],
        more_columns=len(report.columns[_MOST_COLUMNS:]),
        performance=plots.performance(report.truth, name) if report.truth else None,
        moment=moment,
    )
