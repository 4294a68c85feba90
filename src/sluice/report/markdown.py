"""The report as GitHub's Markdown, for a pull request or a job summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from sluice.report import acceptance, formatting, mermaid, tables, wording
from sluice.report.record import Report

if TYPE_CHECKING:
    from jinja2.environment import TemplateModule

# GitHub refuses a comment of more than 65,536 characters.
LIMIT = 60_000

MARKS = {"pass": "✅", "accepted": "☑️", "insufficient": "⚠️", "warn": "⚠️", "fail": "❌"}

# The macros of report.md.j2 after the opening, most important first, and what each shows.
_SECTIONS = {
    "contribution": "what the contribution changes",
    "since_champion": "what was judged differently for the champion",
    "gates": "the gates",
    "not_passed": "the findings that do not pass",
    "next_steps": "what to do",
    "missing": "what is missing",
    "accepted": "the accepted findings",
    "champion": "the comparison with the champion",
    "metrics": "the metrics",
    "candidates": "the candidates",
    "segments": "the segments",
    "fairness": "fairness",
    "importance": "feature importance",
    "calibration": "calibration",
}
_BLANK_LINES = re.compile(r"\n{3,}")
# How many entries of a list or table are shown.
_LIMITS = {"FINDINGS": 25, "ROWS": 15, "MEASURES": 6, "POINTS": 20}


def render(report: Report, base: Report | None = None) -> str:
    """As many sections as a comment on GitHub can hold. base: an earlier report to compare with.

    The text contains no active Markdown or HTML from the report's data.
    """
    page = _page(report, base)
    text, omitted = _section(page, "opening"), []
    for macro, title in _SECTIONS.items():
        section = _section(page, macro)
        if len(text) + len(section) > LIMIT:
            omitted.append(title)
        elif section:
            text += f"\n{section}"
    if omitted:
        text += f"\nLeft out, because a comment has a limited length: {', '.join(omitted)}.\n"
    return text + "\n" + _section(page, "closing")


def _section(page: TemplateModule, macro: str) -> str:
    text = _BLANK_LINES.sub("\n\n", str(getattr(page, macro)()).strip())
    return f"{text}\n" if text else ""


def _page(report: Report, base: Report | None) -> TemplateModule:
    from sluice import templates

    environment = templates.markdown(
        "sluice.report",
        {
            "number": formatting.number,
            "metric": formatting.metric,
            "mark": lambda judged: MARKS[wording.standing(judged)],
            "status": wording.status,
        },
    )
    return environment.get_template("report.md.j2").make_module(
        {
            "report": report,
            "base": base,
            "words": wording,
            "format": formatting,
            "MARKS": MARKS,
            **_LIMITS,
            "interval": f"{100 * (report.confidence or 0.95):g} % interval",
            "metric_rows": tables.performance(report, base),
            "fairness_rows": tables.fairness(report, base),
            "champion_rows": tables.champion(report),
            "single_columns": [one for one in report.fairness if len(one.columns) == 1],
            "measures": {one.title: tables.measures(report, one) for one in report.fairness},
            "accept_lines": _accept_lines(report),
            "charts": _charts(report),
        }
    )


def _accept_lines(report: Report) -> Markup:
    # No name can end the code block, because `acceptance` escapes the characters that could.
    return Markup(acceptance.lines(report.acceptable[: _LIMITS["FINDINGS"]]))  # noqa: S704


def _charts(report: Report) -> dict[str, Markup]:
    charts = {}
    if report.importance:
        top = report.importance[: _LIMITS["ROWS"]]
        charts["importance"] = mermaid.bars(
            "Share of the total importance, in percent",
            [column.column for column in top],
            [100 * (column.share or 0.0) for column in top],
        )
    if report.curves.calibration:
        groups = report.curves.calibration[: _LIMITS["POINTS"]]
        charts["calibration"] = mermaid.lines(
            "Predicted (blue) and observed (orange), in percent",
            [str(k) for k in range(1, len(groups) + 1)],
            [100 * group.score for group in groups],
            [100 * group.frequency for group in groups],
        )
    return charts
