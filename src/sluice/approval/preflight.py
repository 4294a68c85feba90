"""`sluice approval preflight`: check everything, and write the page that the approver reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sluice import files, gates
from sluice.approval import approved, canary, commits, page, production, reason, versions, workflows
from sluice.approval.page import Champion, Request
from sluice.champion import current
from sluice.delivery import download
from sluice.delivery.download import Downloaded
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.github.settings.desired import PRODUCTION, PUBLISH
from sluice.report import record as reports
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
    deployment: int | None,
    outputs: Path | None,
    say: Say,
) -> Verdict:
    """Write the page to `folder`, whatever goes wrong; returns the verdict that is on it.

    why: the reason for a rollback; None for a release. deployment: the number of the deployment
    whose canary a server has reported on. outputs: if the verdict passes, lines are appended to
    this file: `digest=…` (to approve), `champion=…` (compared with) and `environment=…` (whose
    reviewers approve). An error that is not a SluiceError is raised again after the page has been
    written.
    """
    files.clear_folder(folder, PAGE)
    request = Request(version, why, deployment)

    def measure() -> list[Finding]:
        with Releases(access.find(repository)) as releases:
            return _check(releases, request, folder, say)

    def write(verdict: Verdict) -> None:
        files.write(folder / PAGE, page.render(request, verdict).encode())

    ran = gates.run(production.GATE, measure, write)
    if ran.error is not None and not isinstance(ran.error, SluiceError):
        raise ran.error
    if ran.verdict.passes and request.target and outputs:
        with outputs.open("a", encoding="utf-8") as stream:
            environment = PUBLISH if request.automatic else PRODUCTION
            stream.write(
                f"digest={request.target.digest}\nchampion={request.serves}\n"
                f"environment={environment}\n"
            )
    return ran.verdict


def _check(releases: Releases, request: Request, folder: Path, say: Say) -> list[Finding]:
    """Return the findings, and add to `request` everything else that the page shows."""
    rollback = request.rollback
    findings = _canary(releases, request)
    starters = production.starters(releases, request.reported)
    findings += production.findings(releases.access, starters)
    found, target = _delivery(
        releases, request.version, folder / "delivery", full=rollback, say=say
    )
    findings.append(found)
    request.target = target
    if target and not rollback:
        request.automatic = approved.promotion(target) == "automatic"
    try:
        champion = request.champion = _champion(releases, folder / "champion", rollback=rollback)
        if champion and champion.unreadable:
            findings.append(_finding(Status.INSUFFICIENT, champion.unreadable, _LEAVES_IT))
        if target and champion:
            request.commits = commits.between(releases, champion.release, target)
            _require_other(releases, champion, target)
            if rollback:
                commits.require_rollback(request.commits, champion.release, target)
        if target and not rollback:
            _require_compared(request.serves, target)
        if target and request.reported:
            canary.require(releases, request.reported, target, request.serves)
    except SluiceError as error:
        findings.append(_finding(Status.FAIL, str(error)))
    if request.why is not None:
        findings.append(reason.judge(request.why))
    if target:
        findings.append(workflows.judge(releases, _changed(releases, request, target)))
    return findings


def _canary(releases: Releases, request: Request) -> list[Finding]:
    """What a server says about the canary, if its report started this run."""
    if request.deployment is None:
        return []
    try:
        reported = request.reported = canary.read(releases, request.deployment)
    except SluiceError as error:
        return [production.finding("canary", [str(error)], "")]
    return [production.finding("canary", [], f"{reported.server} reports: {reported.said}")]


def _changed(releases: Releases, request: Request, target: Downloaded) -> set[str]:
    """The commits whose releases would be changed: a rollback changes the later ones too."""
    later = versions.later(releases, target.release) if request.rollback else []
    found = {releases.commit_of(one.tag_name) for one in later}
    return {target.delivery.commit, *(one for one in found if one)}


def _delivery(
    releases: Releases, version: str, folder: Path, *, full: bool, say: Say
) -> tuple[Finding, Downloaded | None]:
    """Download and verify the version. A problem becomes a finding without a delivery."""
    try:
        release = versions.find(releases, version, full=full)
        target = download.everything(releases, release, folder, say)
    except SluiceError as error:
        return production.finding("delivery", [str(error)], ""), None
    fine = f"{release.tag_name} is complete: attested, and every file has the delivered sha256"
    return production.finding("delivery", [], fine), target


def _champion(releases: Releases, folder: Path, *, rollback: bool) -> Champion | None:
    """The champion, read from GitHub. A rollback is possible even if it cannot be read."""
    release = current.release(releases)
    if release is None:
        return None
    try:
        delivery = current.delivery(releases, release, folder)
        download.image_record(releases, delivery)
        return Champion(release, delivery)
    except SluiceError as error:
        unreadable = f"the champion {release.tag_name} cannot be read: {error}"
        if rollback:
            return Champion(release, None, unreadable)
        raise SluiceError(unreadable) from None


def _require_other(releases: Releases, champion: Champion, target: Downloaded) -> None:
    """Refuse the champion itself, unless an interrupted rollback has left later full releases."""
    same = champion.release.id == target.release.id
    if same and not versions.later(releases, target.release):
        raise SluiceError(f"{target.release.tag_name} is the champion already")


def _require_compared(serves: str, target: Downloaded) -> None:
    """Another version may have become the champion between the delivery and its release."""
    report = reports.read(target.folder / "report.json")
    compared = (report.champion.release if report.champion else None) or current.NONE
    if compared != serves:
        raise SluiceError(
            f"{target.release.tag_name} was compared with the champion {compared}, but it is "
            f"{serves} now; run the workflow Deliver again for the commit {target.delivery.commit}"
        )


def _finding(status: Status, why: str, accepted: str | None = None) -> Finding:
    return Finding(f"{production.GATE}/champion", status, why, accepted=accepted)
