"""The page that the approver reads: everything that matters for the decision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sluice.approval.canary import Reported
from sluice.approval.commits import Commits
from sluice.champion import current
from sluice.delivery import contents, notes
from sluice.delivery.download import Downloaded
from sluice.github.api import responses
from sluice.markdown import EMPTY, escape
from sluice.report import markdown, wording
from sluice.report import record as reports
from sluice.staging import page as staging
from sluice.staging import results
from sluice.verdict import Verdict

_COMMITS, _UNFOLDED = 50, 12  # commits on the page, and those that are visible without a click
_REASON = 600  # characters
_MARKS = {"pass": "✅", "accepted": "⚠️", "insufficient": "❌", "fail": "❌"}
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Champion:
    """The champion's release. delivery: None if it cannot be read; `unreadable` then says why."""

    release: responses.Release
    delivery: Downloaded | None
    unreadable: str = ""


@dataclass
class Request:
    """The question to the approver, and what preflight found out to answer it.

    why: the reason for a rollback; None for a release. deployment: the number of the deployment
    whose canary a server has reported on. reported: what the server says. automatic: whether no
    approval is needed after a canary that passes. target: the delivery of the version; None if it
    cannot be verified. commits: between champion and target; None if GitHub cannot compare them.
    """

    version: str
    why: str | None = None
    deployment: int | None = None
    reported: Reported | None = None
    automatic: bool = False
    target: Downloaded | None = None
    champion: Champion | None = None
    commits: Commits | None = None

    @property
    def rollback(self) -> bool:
        return self.why is not None

    @property
    def serves(self) -> str:
        """The tag of the champion, or the word for none."""
        return current.tag_of(self.champion.release if self.champion else None)

    @property
    def question(self) -> str:
        """The title of the page, with the reason for a rollback."""
        if self.why is None:
            return f"Release {self.version} to production?"
        return f"Roll production back to {self.version}? {self.why}"


@dataclass(frozen=True)
class _Commit:
    title: str
    sha: str


@dataclass(frozen=True)
class _CommitList:
    """The newest commits first; `more` is the number of those that are not shown."""

    count: str
    first: list[_Commit]
    folded: list[_Commit]
    more: str


def render(request: Request, verdict: Verdict) -> str:
    """GitHub's Markdown. If the verdict does not pass, the page holds only the findings."""
    from sluice import templates

    approvable = verdict.passes and request.target is not None
    template = templates.markdown("sluice.approval").get_template("approval.md.j2")
    text = template.render(
        request=request,
        verdict=verdict,
        approvable=approvable,
        mark=lambda finding: _MARKS[wording.standing(finding)],
        **(_compared(request.commits) if request.commits else {}),
        **(_delivered(request.target, request.champion) if request.target else {}),
    )
    return _BLANK_LINES.sub("\n\n", text).strip() + "\n"


def _compared(commits: Commits) -> dict[str, Any]:
    return {
        "direction": commits.added.status,
        "added": _listed(commits.added),
        "removed": _listed(commits.removed),
    }


def _listed(changes: responses.Changes) -> _CommitList:
    shown = [
        _Commit((one.commit.message.splitlines() or [""])[0], one.sha[:7])
        for one in reversed(changes.commits[-_COMMITS:])
    ]
    n = changes.total_commits
    more = n - len(shown)
    return _CommitList(
        f"{n:,} commit{'' if n == 1 else 's'}",
        shown[:_UNFOLDED],
        shown[_UNFOLDED:],
        f"{more:,}" if more > 0 else "",
    )


def _delivered(target: Downloaded, champion: Champion | None) -> dict[str, Any]:
    from markupsafe import Markup

    ours = {"version": target.delivery.version, **_identity(target)}
    if champion and champion.delivery:
        theirs = {"version": champion.delivery.delivery.version, **_identity(champion.delivery)}
    else:
        why = escape(champion.unreadable, _REASON) if champion else "none yet"
        theirs = {"version": Markup(why)}  # noqa: S704
    return {
        # Both texts have already been escaped.
        "report": Markup(markdown.render(reports.read(target.folder / "report.json"))),  # noqa: S704
        "results": Markup(staging.render(results.read(target.folder))),  # noqa: S704
        "identities": [
            {"name": name, "target": value, "champion": theirs.get(name, EMPTY)}
            for name, value in ours.items()
        ],
        "files": [
            {"name": name, "sha256": sha256}
            for name, sha256 in sorted(target.delivery.files.items())
        ],
    }


def _identity(downloaded: Downloaded) -> dict[str, Any]:
    rows: dict[str, Any] = dict(notes.identity(downloaded.delivery, downloaded.digest))
    if (downloaded.folder / contents.IMAGE).is_file():
        rows["the image's base"] = contents.image_record(downloaded.folder).base
    return rows
