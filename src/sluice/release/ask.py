"""Preflight: look at everything, and lay it before the approver on one page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sluice.errors import SluiceError
from sluice.github import access, answers
from sluice.github.connection import RefusedError
from sluice.github.releases import Releases
from sluice.release import approval, fetch, preflight
from sluice.release.approval import Case
from sluice.release.fetch import Fetched
from sluice.report import facts
from sluice.verdict import Finding, Status, Verdict

PAGE, FILES = "approval.md", "delivery"


def run(
    repository: str | None,
    version: str,
    reason: str | None,
    folder: Path,
    *,
    outputs: Path | None,
    say: Callable[[str], None],
) -> Verdict:
    """Write the page; a reason makes it a rollback.

    Whatever goes wrong is on it. If it passes, the digest to approve is appended to `outputs`,
    as a step's outputs on GitHub.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with Releases(access.find(repository)) as releases:
            case = _case(releases, version, reason, folder, say)
    except SluiceError as error:
        broken = Finding(f"{preflight.GATE}/ran", Status.INSUFFICIENT, str(error))
        case = Case(_asked(version, reason), Verdict.of(preflight.GATE, [broken]))
    (folder / PAGE).write_text(approval.page(case), "utf-8")
    if case.said.passes and case.fetched and outputs:
        with outputs.open("a", encoding="utf-8") as stream:
            stream.write(f"digest={case.fetched.digest}\nbeside={_name(case.champion)}\n")
    return case.said


def _case(
    releases: Releases,
    version: str,
    reason: str | None,
    folder: Path,
    say: Callable[[str], None],
) -> Case:
    back = reason is not None
    findings = preflight.environment(releases.access, preflight.people())
    found, fetched = preflight.delivered(releases, version, folder / FILES, full=back, say=say)
    findings += found
    champion = None
    try:
        champion = _champion(releases, folder / "champion")
        if fetched:
            _require_other(releases, champion, fetched)
            if not back:
                _require_compared(champion, fetched)
    except SluiceError as error:
        findings.append(Finding(f"{preflight.GATE}/champion", Status.FAIL, str(error)))
    asked = _asked(version, reason)
    if reason is not None:
        findings.append(preflight.stated(reason))
    said = Verdict.of(preflight.GATE, findings)
    if not (said.passes and fetched):
        return Case(asked, said, back=back)
    return Case(asked, said, fetched, champion, _changes(releases, fetched, champion, back), back)


def _asked(version: str, reason: str | None) -> str:
    if reason is None:
        return f"Release {version} to production?"
    return f"Roll production back to {version}? {reason}"


def _name(champion: Fetched | None) -> str:
    return champion.release.tag_name if champion else preflight.NOBODY


def _champion(releases: Releases, folder: Path) -> Fetched | None:
    latest = releases.latest()
    return fetch.head(releases, latest, folder) if latest else None


def _require_other(releases: Releases, champion: Fetched | None, fetched: Fetched) -> None:
    """A rollback that died half-way goes on: it leaves later full releases."""
    same = champion is not None and champion.release.id == fetched.release.id
    if same and not preflight.later(releases, fetched.release):
        raise SluiceError(f"{fetched.release.tag_name} is the champion already")


def _require_compared(champion: Fetched | None, fetched: Fetched) -> None:
    """Between delivery and release another version may have become the champion."""
    report = facts.read(fetched.folder / "report.json")
    release = report.champion.release if report.champion else None
    serves = champion.release.tag_name if champion else None
    if release != serves:
        raise SluiceError(
            f"{fetched.release.tag_name} was compared with {release or preflight.NOBODY}, but "
            f"{serves or preflight.NOBODY} serves production: run Deliver again for its commit"
        )


def _changes(
    releases: Releases, fetched: Fetched, champion: Fetched | None, back: bool
) -> answers.Changes | None:
    if champion is None:
        return None
    ends = (champion.delivery.commit, fetched.delivery.commit)
    try:
        return releases.changes(*(ends[::-1] if back else ends))
    except RefusedError as refused:
        if refused.status == 404:
            return None
        raise
