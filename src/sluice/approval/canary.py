"""A canary in production: the request for it, and the verdict that the server reports.

The request is a deployment on GitHub, and the verdict is a status of that deployment. Everyone with
write access can create deployments and statuses. A verdict therefore counts only if it comes from
the account that a reviewed file names, and only for what a run of the release workflow has
attested.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice.champion import current
from sluice.delivery import place, publication
from sluice.delivery.download import Downloaded
from sluice.delivery.record import NAME
from sluice.delivery.request import Asked, asked
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.deployments import Deployments
from sluice.github.api.releases import Releases
from sluice.github.settings.desired import CANARY

_NEW_RUN = "nothing is released, so start a new run of the workflow Release"


@dataclass(frozen=True)
class Reported:
    """A canary that passed. server: the account that reported it. said: the text of its report."""

    deployment: int
    asked: Asked
    server: str
    said: str


def awaited(champion: str) -> str | None:
    """The account of the server whose verdict a release waits for; None without a server.

    champion: its tag, or "none". Without a champion there is nothing to compare with.
    """
    return None if champion == current.NONE else place.server()


def announce(repository: str | None, record: Path, run: int) -> str | None:
    """Request the canary in `record` from the server; returns its account, or None without a
    server.

    run: the workflow run that has attested the record.
    """
    desired = msgspec.json.decode(record.read_bytes())
    server = awaited(desired["champion"])
    if server is None:
        return None
    wanted = Asked(desired["version"], desired["digest"], run)
    body = {
        "ref": "main",
        "task": CANARY,
        "environment": CANARY,
        "auto_merge": False,
        "required_contexts": [],
        "production_environment": False,
        "description": f"canary of {wanted.version}",
        "payload": msgspec.to_builtins(wanted),
    }
    with Deployments(access.find(repository)) as deployments:
        deployments.create(body)
    return server


def read(releases: Releases, deployment: int) -> Reported:
    """What the server reports about a canary. Raises SluiceError unless the canary passed."""
    server = place.server()
    if server is None:
        raise SluiceError(
            f"{place.FILE} names no server, so no verdict on a canary is trusted; {_NEW_RUN}"
        )
    with Deployments(releases.access) as deployments:
        wanted = asked(deployments.get(deployment))
        statuses = deployments.statuses(deployment)
    own = [one for one in statuses if one.by.lower() == server.lower()]
    if not own:
        others = " and ".join(sorted({one.by for one in statuses})) or "nobody"
        raise SluiceError(
            f"the status of deployment {deployment} is by {others}, and only that of {server}, the "
            f"server in {place.FILE}, counts; {_NEW_RUN}"
        )
    newest = max(own, key=lambda one: one.id)
    said = newest.description or "nothing more"
    if newest.state != "success":
        raise SluiceError(
            f"{server} says of the canary of {wanted.version}: {newest.state}, {said}; {_NEW_RUN}"
        )
    if not said.startswith(f"{wanted.digest} "):
        raise SluiceError(
            f"the verdict of {server} is not on the canary of {wanted.version} with the digest "
            f"{wanted.digest}: {said}; {_NEW_RUN}"
        )
    return Reported(deployment, wanted, server, said.removeprefix(f"{wanted.digest} "))


def require(releases: Releases, reported: Reported, target: Downloaded, champion: str) -> None:
    """Raise SluiceError unless that canary was of this delivery, against this champion, and
    approved.

    champion: the tag of the current champion.
    """
    wanted, file = reported.asked, target.folder / NAME
    if wanted.digest != target.digest:
        raise SluiceError(
            f"the canary was the delivery with the digest {wanted.digest}, but that of "
            f"{target.release.tag_name} is {target.digest}; {_NEW_RUN}"
        )
    desired = publication.desired(releases, file, wanted.run)
    if desired is None:
        raise SluiceError(
            f"{target.release.tag_name}: no attestation says that run {wanted.run} approved it as "
            f"the canary; {_NEW_RUN}"
        )
    if desired.get("champion") != champion:
        raise SluiceError(
            f"the champion is {champion} now, but the canary was compared with "
            f"{desired.get('champion')}; {_NEW_RUN}"
        )
    if publication.rolled_back_since(releases, file, target.digest, wanted.run):
        raise SluiceError(
            f"{target.release.tag_name} was rolled back after its canary in run {wanted.run}; "
            f"{_NEW_RUN}"
        )
