"""`sluice approval desire`: record which version is to run, after the canary was approved.

A machine that serves production, or a rehearsal, starts from this record and from nothing else.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.approval import approved, canary, records
from sluice.approval.approved import Approved, Say
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.github.settings.desired import CANARY
from sluice.package.archive import opened


def run(
    repository: str | None, version: str, approval: Approved, record: Path, say: Say
) -> str | None:
    """Write to `record` the version that becomes the canary, the champion it runs against, and how.

    Returns the account of the server that is to try it, or None if it is to be rehearsed. Raises
    SluiceError if anything differs from what was approved.
    """
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        target, approver = approved.verify(
            releases, version, approval, Path(scratch), say, full=False, environment=CANARY
        )
        with opened(target.package) as package:
            settings = package.settings.rollout.model_dump(mode="json")
        records.write(
            record,
            releases,
            target,
            approver,
            champion=approval.champion,
            package=target.delivery.files[target.delivery.package],
            image=target.delivery.image,
            rollout=settings,
        )
    say(f"{record}: the canary was approved by {approver}")
    return canary.awaited(approval.champion)
