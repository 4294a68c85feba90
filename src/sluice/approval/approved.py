"""After the approval: verify everything again, and establish who approved it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.approval import canary, commits, production, reason, records, versions
from sluice.approval.canary import Reported
from sluice.champion import current
from sluice.delivery import download, publication
from sluice.delivery.download import Downloaded
from sluice.delivery.record import NAME
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.github.settings.desired import PRODUCTION
from sluice.markdown import escape
from sluice.package.archive import opened

Say = Callable[[str], None]


@dataclass(frozen=True)
class Approved:
    """The content of the page that was approved.

    digest: the sha256 of delivery.json. champion: the tag of the champion that the page compares
    with, or "none". deployment: the number of the canary's deployment, if the page shows a server's
    verdict on it.
    """

    digest: str
    champion: str
    deployment: int | None = None


def confirm(
    repository: str | None,
    version: str,
    approved: Approved,
    record: Path,
    *,
    say: Say,
    why: str | None,
) -> None:
    """Write to `record` who approved the version, for the workflow to attest.

    why: the reason for a rollback; None for a release. Raises SluiceError if anything differs from
    what was approved.
    """
    if why is not None:
        reason.require(why)
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        target, approver = verify(
            releases, version, approved, Path(scratch), say, full=why is not None
        )
        records.write(record, releases, target, approver)
    say(f"{record}: approved by {approver}")


def verify(
    releases: Releases,
    version: str,
    approved: Approved,
    folder: Path,
    say: Say,
    *,
    full: bool,
    environment: str = PRODUCTION,
) -> tuple[Downloaded, str]:
    """Return the delivery that was approved, and the login of its approver.

    full: whether the version is a full release, as for a rollback. environment: the one it was
    approved for. Everything is read from GitHub again. Raises SluiceError if it may not be
    released, or differs from what was approved.
    """
    reported = canary.read(releases, approved.deployment) if approved.deployment else None
    starters = production.starters(releases, reported)
    for finding in production.findings(releases.access, starters):
        if not finding.passes:
            raise SluiceError(f"{finding.name}: {finding.why}")
    release = versions.find(releases, version, full=full)
    target = download.everything(releases, release, folder, say)
    if target.digest != approved.digest:
        raise SluiceError(
            f"{release.tag_name}: the sha256 of delivery.json is {target.digest}, but "
            f"{approved.digest} was approved; nothing is released, so start a new run"
        )
    champion = current.release(releases)
    serves = current.tag_of(champion)
    # The champion is the target itself if a rollback was interrupted.
    if serves not in (approved.champion, release.tag_name):
        raise SluiceError(
            f"the champion is {serves} now, but the approved page compares with "
            f"{approved.champion}; nothing is released, so start a new run"
        )
    if not full and environment == PRODUCTION:
        _require_canary(releases, reported, target, serves)
    approver = _automatic(releases, reported, target, environment) if not full else None
    if approver is None:
        approver = _approver(releases, starters, environment)
    if full and champion:
        between = commits.between(releases, champion, target)
        commits.require_rollback(between, champion, target)
    return target, approver


def _require_canary(
    releases: Releases, reported: Reported | None, target: Downloaded, serves: str
) -> None:
    """Raise SluiceError unless the canary has passed, if there is a server that tries it."""
    if reported is not None:
        canary.require(releases, reported, target, serves)
    elif server := canary.awaited(serves):
        raise SluiceError(
            f"{target.release.tag_name}: {server} has not reported on its canary yet; this "
            "release continues by itself after that report"
        )


def _automatic(
    releases: Releases, reported: Reported | None, target: Downloaded, environment: str
) -> str | None:
    """Who approved the canary, if params.yaml requires no further approval after the canary has
    passed.
    """
    if environment != PRODUCTION or promotion(target) != "automatic":
        return None
    run = reported.asked.run if reported else production.run_id()
    desired = publication.desired(releases, target.folder / NAME, run)
    if desired is None:
        raise SluiceError(
            f"{target.release.tag_name}: no attestation says that run {run} approved it as the "
            "canary; nothing is released, so start a new run"
        )
    return str(desired["approver"])


def promotion(target: Downloaded) -> str:
    """What the package's params.yaml requires after a canary passed: approval or automatic."""
    with opened(target.package) as package:
        return package.settings.rollout.promotion


def _approver(releases: Releases, starters: Collection[str], name: str) -> str:
    """Who approved this run for an environment; raises SluiceError if nobody but its starter
    did.
    """
    run = production.run_id()
    # GitHub keeps approvals by run, so the approval of the first attempt would count for all later
    # attempts.
    if os.environ.get("GITHUB_RUN_ATTEMPT", "1") != "1":
        raise SluiceError(
            f"run {run} was started again, and an approval counts for one attempt only; start a "
            "new run"
        )
    for one in releases.approvals(run):
        login = one.user.login or ""
        named = name in {environment.name for environment in one.environments}
        if one.state == "approved" and named and login and login.lower() not in starters:
            return login
    raise SluiceError(
        f"run {run} was not approved for {name} by anyone other than who started it; "
        "nothing is released, so start a new run and let a reviewer approve it"
    )


def signature(releases: Releases, approver: str) -> str:
    """Approver and run, in Markdown, for the notes of a release."""
    number = os.environ.get("GITHUB_RUN_ID", "")
    return f"approved by {escape(approver)} in [run {number}]({records.run_url(releases)})"
