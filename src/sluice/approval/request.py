"""Preflight: look at everything, and lay it before the approver on one page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sluice import gates
from sluice.approval import commits, page, preflight
from sluice.approval.page import Case, Serving
from sluice.champion import current
from sluice.delivery.fetch import Fetched
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.report import record
from sluice.verdict import Finding, Status, Verdict

PAGE, FILES = "approval.md", "delivery"
_AWAY = "a rollback leads away from it"


@dataclass(frozen=True)
class _Request:
    version: str
    reason: str | None
    folder: Path
    say: Callable[[str], None]


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

    The page is written and names the error when an error stops the gate; an error that is not a
    SluiceError is then raised again. If the gate passes, the digest to approve is appended to
    `outputs`, as a step's outputs on GitHub.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    case = Case(_asked(version, reason), back=reason is not None)

    def measure() -> list[Finding]:
        with Releases(access.find(repository)) as releases:
            return _measure(releases, _Request(version, reason, folder, say), case)

    def write(verdict: Verdict) -> None:
        (folder / PAGE).write_text(page.page(case, verdict), "utf-8")

    ran = gates.run(preflight.GATE, measure, write)
    if ran.error is not None and not isinstance(ran.error, SluiceError):
        raise ran.error
    verdict = ran.verdict
    if verdict.passes and case.fetched and outputs:
        with outputs.open("a", encoding="utf-8") as stream:
            stream.write(f"digest={case.fetched.digest}\nbeside={_name(case.serves)}\n")
    return verdict


def _measure(releases: Releases, request: _Request, case: Case) -> list[Finding]:
    """The findings of the gate; what the page shows beside them is put into `case`."""
    folder, back = request.folder, request.reason is not None
    findings = preflight.environment(releases.access, preflight.starters(releases))
    found, fetched = preflight.delivered(
        releases, request.version, folder / FILES, full=back, say=request.say
    )
    findings += found
    case.fetched = fetched
    try:
        serves = case.serves = _serves(releases, folder / "champion", back=back)
        if serves and serves.unread:
            findings.append(_finding(Status.INSUFFICIENT, serves.unread, accepted=_AWAY))
        if fetched:
            case.way = commits.between(releases, serves.release, fetched) if serves else None
            _require_other(releases, serves, fetched)
            if back and serves:
                commits.require_back(case.way, serves.release, fetched)
            if not back:
                _require_compared(serves, fetched)
    except SluiceError as error:
        findings.append(_finding(Status.FAIL, str(error)))
    if request.reason is not None:
        findings.append(preflight.stated(request.reason))
    return findings


def _asked(version: str, reason: str | None) -> str:
    if reason is None:
        return f"Release {version} to production?"
    return f"Roll production back to {version}? {reason}"


def _name(serves: Serving | None) -> str:
    return serves.release.tag_name if serves else preflight.NOBODY


def _serves(releases: Releases, folder: Path, *, back: bool) -> Serving | None:
    """There is a way back from a champion that nobody can read, but nothing is held up to it."""
    latest = releases.latest()
    if latest is None:
        return None
    try:
        return Serving(latest, current.head(releases, latest, folder))
    except SluiceError as error:
        unread = f"The champion {latest.tag_name} cannot be read: {error}"
        if back:
            return Serving(latest, None, unread)
        raise SluiceError(unread) from None


def _require_other(releases: Releases, serves: Serving | None, fetched: Fetched) -> None:
    """A rollback that died half-way goes on: it leaves later full releases."""
    same = serves is not None and serves.release.id == fetched.release.id
    if same and not preflight.later(releases, fetched.release):
        raise SluiceError(f"{fetched.release.tag_name} is the champion already")


def _require_compared(serves: Serving | None, fetched: Fetched) -> None:
    """Between delivery and release another version may have become the champion."""
    report = record.read(fetched.folder / "report.json")
    compared = (report.champion.release if report.champion else None) or preflight.NOBODY
    if compared != _name(serves):
        raise SluiceError(
            f"{fetched.release.tag_name} was compared with {compared}, but {_name(serves)} serves "
            "production: run Deliver again for its commit"
        )


def _finding(status: Status, why: str, accepted: str | None = None) -> Finding:
    return Finding(f"{preflight.GATE}/champion", status, why, accepted=accepted)
