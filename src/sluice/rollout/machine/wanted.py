"""What should run on this machine according to GitHub, verified with its attestations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.champion import current
from sluice.delivery import attestation, download, publication
from sluice.delivery.download import Downloaded
from sluice.delivery.record import NAME, tag_of
from sluice.delivery.request import Asked, asked
from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.deployments import Deployment, Deployments
from sluice.github.api.releases import Releases
from sluice.github.settings.desired import CANARY
from sluice.rollout.machine.request import Request


@dataclass(frozen=True)
class Source:
    """Two connections to one repository, which request only changes."""

    releases: Releases
    deployments: Deployments

    def champion(self) -> responses.Release | None:
        """The newest full release, which is not verified yet."""
        return current.release(self.releases)

    def newest(self) -> Deployment | None:
        """The newest deployment that says it is a request for a canary; nothing is verified."""
        return self.deployments.newest(CANARY, CANARY)

    def fetch_asked(
        self, deployment: Deployment, serves: str, target: Path
    ) -> tuple[Request, Path]:
        """Verify a request for a canary, and download its package; returns both.

        serves: the version that serves now. target: an empty folder. Raises SluiceError unless a
        run of the release workflow attested exactly this delivery as the canary against `serves`.
        """
        wanted = asked(deployment)
        found = self._record(wanted, target)
        desired = publication.desired(self.releases, target / NAME, wanted.run)
        if desired is None:
            raise SluiceError(
                f"deployment {deployment.id}: no attestation says that run {wanted.run} approved "
                f"{wanted.version} as the canary; it is not tried"
            )
        champion = str(desired.get("champion"))
        if champion != tag_of(serves):
            raise SluiceError(
                f"deployment {deployment.id}: {wanted.version} was approved to be compared with "
                f"{champion}, but {serves} serves here; it is not tried"
            )
        if publication.rolled_back_since(self.releases, target / NAME, found.digest, wanted.run):
            raise SluiceError(
                f"deployment {deployment.id}: {wanted.version} was rolled back after run "
                f"{wanted.run}; it is not tried"
            )
        package = download.file(self.releases, found, found.delivery.package)
        request = Request(wanted.version, wanted.digest, champion, wanted.run, deployment.id)
        return request, package

    def _record(self, wanted: Asked, target: Path) -> Downloaded:
        release = self.releases.of_tag(tag_of(wanted.version))
        if release is None:
            raise SluiceError(f"there is no release {tag_of(wanted.version)}; it is not tried")
        found = download.record_of(self.releases, release, target)
        if found.digest != wanted.digest:
            raise SluiceError(
                f"{release.tag_name}: the sha256 of {NAME} is {found.digest}, but {wanted.digest} "
                "was requested; it is not tried"
            )
        attestation.require_built(self.releases.access, target / NAME, found.delivery.commit)
        return found

    def released(self, champion: responses.Release, digest: str) -> bool:
        """Whether this release is the delivery with that digest, approved and released.

        Raises SluiceError if an attestation is missing.
        """
        with TemporaryDirectory() as scratch:
            return current.delivery(self.releases, champion, Path(scratch)).digest == digest

    def revoked(self, version: str) -> bool:
        """Whether a rollback has revoked the release of this version.

        False if no workflow has released it. Raises SluiceError if GitHub does not answer.
        """
        release = self.releases.of_tag(tag_of(version))
        if release is None:
            return False
        with TemporaryDirectory() as scratch:
            found = download.record_of(self.releases, release, Path(scratch))
            if not publication.runs(self.releases, Path(scratch) / NAME):
                return False
            return publication.revoked(self.releases, Path(scratch) / NAME, found.digest)
