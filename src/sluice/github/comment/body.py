"""The comment's text. The comment is rendered from report.json, never from the artifact's own
Markdown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from markupsafe import Markup
from msgspec.structs import replace

from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.comment.changes import Changes
from sluice.report import markdown
from sluice.report.record import Report

Stamp = tuple[int, int]

# GitHub refuses a longer comment.
_LIMIT = 65_536
_MOST_JOBS, _LONGEST_NAME = 10, 60
_MARKER = re.compile(r"<!-- sluice: report run=(\d{1,19}) attempt=(\d{1,9}) -->(?:\r?\n|$)")


def stamp(text: str) -> Stamp | None:
    """The run and attempt that wrote a comment of sluice; None for any other comment."""
    found = _MARKER.match(text)
    return (int(found[1]), int(found[2])) if found else None


def with_report(
    access: Access,
    run: responses.Run,
    report: Report,
    changes: Changes,
    failed: Sequence[responses.Job],
) -> str:
    """The comment with CI's report.

    changes: what the pull request changes; it replaces what the report says about that.
    failed: the jobs of the run that did not succeed. Raises SluiceError for a report that
    cannot be displayed.
    """
    # Only a run can name the checks that were removed. The pull request's code could hide them in
    # its report, so GitHub's list of changed files is shown too.
    gone = report.contribution.gone if report.contribution else ()
    trusted = replace(report, contribution=replace(changes.contribution, gone=gone))
    try:
        # `markdown.render` escapes everything in the report.
        shown = Markup(markdown.render(trusted))  # noqa: S704
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise SluiceError(f"the report cannot be displayed ({type(error).__name__})") from None
    # If the candidate does not pass, the report itself says why CI failed.
    jobs = failed if report.releasable else None
    text = _comment(access, run, jobs, report=shown, unknown=changes.unknown)
    if len(text) > _LIMIT:
        raise SluiceError(f"a comment can have {_LIMIT:,} characters, the report has more")
    return text


def without_report(
    access: Access, run: responses.Run, reason: str, failed: Sequence[responses.Job]
) -> str:
    """The comment if there is no report that could be displayed. reason: why not."""
    return _comment(access, run, failed, reason=reason)


def _comment(
    access: Access, run: responses.Run, failed: Sequence[responses.Job] | None, **shown: object
) -> str:
    """failed: None if the comment does not mention the result of CI."""
    from sluice import templates

    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    environment = templates.markdown("sluice.github.comment")
    text = environment.get_template("comment.md.j2").render(
        run=run,
        # This text is sluice's own: it has a link, which the environment would escape.
        link=Markup(f"{server}/{access.repository}/actions/runs/{run.id}"),  # noqa: S704
        failed=failed,
        JOBS=_MOST_JOBS,
        NAME=_LONGEST_NAME,
        **shown,
    )
    return re.sub(r"\n{3,}", "\n\n", text)
