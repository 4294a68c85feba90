"""The comment's text. The report in it is rendered here, never taken as the artifact has it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from msgspec.structs import replace

from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.comment.changes import Changes
from sluice.report import markdown
from sluice.report.facts import Facts
from sluice.report.markdown import escape

Stamp = tuple[int, int]

# GitHub refuses a longer one.
_LIMIT = 65_536
_JOBS, _NAME = 10, 60
_MARKER = re.compile(r"<!-- sluice: report run=(\d{1,19}) attempt=(\d{1,9}) -->(?:\r?\n|$)")


def stamp(text: str) -> Stamp | None:
    """Which run and attempt wrote a comment of ours."""
    found = _MARKER.match(text)
    return (int(found[1]), int(found[2])) if found else None


def of_report(
    access: Access,
    run: responses.Run,
    report: Facts,
    changes: Changes,
    failed: Sequence[responses.Job],
) -> str:
    """Raises SluiceError for a report that cannot be shown."""
    facts = replace(report, contribution=changes.contribution)
    try:
        shown = markdown.render(facts)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise SluiceError(f"it cannot be shown ({type(error).__name__})") from None
    # That CI failed a candidate that must not be released is what the report itself says.
    first = _ci(run, failed) if facts.releasable else ""
    text = _framed(access, run, first + _unknown(changes) + shown)
    if len(text) > _LIMIT:
        raise SluiceError("it does not fit into a comment")
    return text


def without_report(
    access: Access, run: responses.Run, reason: str, failed: Sequence[responses.Job]
) -> str:
    return _framed(access, run, f"## ❌ No report: {escape(reason)}\n\n{_ci(run, failed)}")


def _framed(access: Access, run: responses.Run, text: str) -> str:
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    link = f"{server}/{access.repository}/actions/runs/{run.id}"
    return (
        f"<!-- sluice: report run={run.id} attempt={run.run_attempt} -->\n{text.rstrip()}\n\n---\n"
        f"For commit {escape(run.head_sha[:7])}, from [this run of CI]({link}). "
        "Each run on this pull request brings this comment up to date.\n"
    )


def _ci(run: responses.Run, failed: Sequence[responses.Job]) -> str:
    if run.conclusion == "success":
        return ""
    lines = [
        f"- {escape(job.name, _NAME)}: {escape(job.conclusion or 'no conclusion', _NAME)}"
        for job in failed[:_JOBS]
    ]
    if len(failed) > _JOBS:
        lines.append(f"- and {len(failed) - _JOBS:,} more")
    heading = f"## ❌ CI did not succeed: {escape(run.conclusion or 'no conclusion', _NAME)}"
    return "\n".join([heading, "", *lines, "", ""])


def _unknown(changes: Changes) -> str:
    return "".join(f"> [!WARNING]\n> {escape(said)}\n\n" for said in changes.unknown)
