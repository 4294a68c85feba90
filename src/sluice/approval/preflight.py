"""`sluice approval preflight`: check everything, and write the page that the approver reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sluice import files
from sluice.approval import commits, page, production, reason, versions
from sluice.approval.page import Champion, Request
from sluice.champion import current
from sluice.delivery import download
from sluice.delivery.download import Downloaded
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.report import facts
from sluice.verdict import Finding, Status, Verdict

PAGE = "approval.md"
_LEAVES_IT = "a rollback replaces it"
Say = Callable[[str], None]


def run(
    repository: str | None,
    version: str,
    why: str | None,
    folder: Path,
    *,
    outputs: Path | None,
    say: Say,
) -> Verdict:
    """Write the page to `folder`, whatever goes wrong; returns the verdict that is on it.

    why: the reason for a rollback; None for a release. outputs: if the verdict passes, the lines
    `digest=…` (to approve) and `champion=…` (compared with) are appended to this file.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with Releases(access.find(repository)) as releases:
            request = _check(releases, version, why, folder, say)
    except SluiceError as error:
        broken = Finding(f"{production.GATE}/ran", Status.INSUFFICIENT, str(error))
        request = Request(_question(version, why), Verdict.of(production.GATE, [broken]))
    files.write(folder / PAGE, page.render(request).encode())
    if request.verdict.passes and request.target and outputs:
        with outputs.open("a", encoding="utf-8") as stream:
            champion = current.tag_of(request.champion.release if request.champion else None)
            stream.write(f"digest={request.target.digest}\nchampion={champion}\n")
    return request.verdict


def _check(releases: Releases, version: str, why: str | None, folder: Path, say: Say) -> Request:
    rollback = why is not None
    findings = production.findings(releases.access, production.starters(releases))
    found, target = _delivery(releases, version, folder / "delivery", full=rollback, say=say)
    findings.append(found)
    champion, between = None, None
    try:
        champion = _champion(releases, folder / "champion", rollback=rollback)
        if champion and champion.unreadable:
            findings.append(_finding(Status.INSUFFICIENT, champion.unreadable, _LEAVES_IT))
        if target:
            between = commits.between(releases, champion.release, target) if champion else None
            _require_other(releases, champion, target)
            if rollback and champion:
                commits.require_rollback(between, champion.release, target)
            if not rollback:
                _require_compared(champion, target)
    except SluiceError as error:
        findings.append(_finding(Status.FAIL, str(error)))
    if why is not None:
        findings.append(reason.judge(why))
    verdict = Verdict.of(production.GATE, findings)
    return Request(_question(version, why), verdict, target, champion, between, rollback)


def _question(version: str, why: str | None) -> str:
    if why is None:
        return f"Release {version} to production?"
    return f"Roll production back to {version}? {why}"


def _delivery(
    releases: Releases, version: str, folder: Path, *, full: bool, say: Say
) -> tuple[Finding, Downloaded | None]:
    """Download and verify the version; a problem is a finding, and there is no delivery then."""
    try:
        release = versions.find(releases, version, full=full)
        target = download.everything(releases, release, folder, say)
    except SluiceError as error:
        return production.finding("delivery", [str(error)], ""), None
    fine = f"{release.tag_name} is complete: attested, and every file has the delivered sha256"
    return production.finding("delivery", [], fine), target


def _champion(releases: Releases, folder: Path, *, rollback: bool) -> Champion | None:
    """The champion, read from GitHub; a rollback may also leave one that cannot be read."""
    release = current.release(releases)
    if release is None:
        return None
    try:
        return Champion(release, current.delivery(releases, release, folder))
    except SluiceError as error:
        unreadable = f"the champion {release.tag_name} cannot be read: {error}"
        if rollback:
            return Champion(release, None, unreadable)
        raise SluiceError(unreadable) from None


def _require_other(releases: Releases, champion: Champion | None, target: Downloaded) -> None:
    """A rollback that was interrupted can go on: later full releases are left then."""
    same = champion is not None and champion.release.id == target.release.id
    if same and not versions.later(releases, target.release):
        raise SluiceError(f"{target.release.tag_name} is the champion already")


def _require_compared(champion: Champion | None, target: Downloaded) -> None:
    """Another version may have become the champion between the delivery and its release."""
    report = facts.read(target.folder / "report.json")
    compared = (report.champion.release if report.champion else None) or current.NONE
    serves = current.tag_of(champion.release if champion else None)
    if compared != serves:
        raise SluiceError(
            f"{target.release.tag_name} was compared with the champion {compared}, but it is "
            f"{serves} now; run the workflow Deliver again for the commit {target.delivery.commit}"
        )


def _finding(status: Status, why: str, accepted: str | None = None) -> Finding:
    return Finding(f"{production.GATE}/champion", status, why, accepted=accepted)
