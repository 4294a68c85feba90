"""Download a delivery from its release on GitHub, and verify every file by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sluice import files
from sluice.delivery import attestation, contents, publication, record
from sluice.delivery.record import NAME, Delivery
from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.releases import Releases
from sluice.package.tar import MAX_BYTES as MOST_PACKAGE_BYTES

_MOST_RECORD_BYTES = 2**20
_MOST_EVIDENCE_BYTES = 64 * 2**20
_MOST_FILES = 50
_REPLACED = (
    "someone replaced the file after the delivery: find out who, and run the workflow Deliver "
    "again for this commit"
)


@dataclass(frozen=True)
class Downloaded:
    """A delivery in `folder`, of which delivery.json at least has been downloaded.

    digest: the sha256 of delivery.json, which is what is attested and approved.
    """

    release: responses.Release
    delivery: Delivery
    digest: str
    folder: Path

    @property
    def package(self) -> Path:
        return self.folder / self.delivery.package


def record_of(releases: Releases, release: responses.Release, folder: Path) -> Downloaded:
    """Download delivery.json alone into `folder`.

    Raises SluiceError unless it is the record of this release, and the release's tag points to
    the commit that the delivery was built from. No attestation is verified here.
    """
    content = _asset(releases, release, NAME, _MOST_RECORD_BYTES)
    where = f"release {release.tag_name}: {NAME}"
    delivery = record.decode(content, where)
    if delivery.tag != release.tag_name:
        raise SluiceError(
            f"{where} is that of {delivery.version}, not of this release; {_REPLACED}"
        )
    tagged = releases.commit_of(release.tag_name)
    if tagged != delivery.commit:
        points = f"points to the commit {tagged}" if tagged else "does not exist"
        raise SluiceError(
            f"the tag {release.tag_name} {points}, but the delivery was built from "
            f"{delivery.commit}: the tag was moved or deleted, so find out by whom; an "
            "administrator, who can disable the ruleset 'releases' for that, must point it to that "
            "commit again"
        )
    files.write(folder / NAME, content)
    return Downloaded(release, delivery, hashlib.sha256(content).hexdigest(), folder)


def file(releases: Releases, downloaded: Downloaded, name: str) -> Path:
    """Download one file that delivery.json lists; returns its path.

    Raises SluiceError unless its sha256 is the one in delivery.json.
    """
    is_package = name == downloaded.delivery.package
    most = MOST_PACKAGE_BYTES if is_package else _MOST_EVIDENCE_BYTES
    content = _asset(releases, downloaded.release, name, most)
    if hashlib.sha256(content).hexdigest() != downloaded.delivery.files[name]:
        raise SluiceError(
            f"release {downloaded.release.tag_name}: the sha256 of {name} is not the one in "
            f"{NAME}; {_REPLACED}"
        )
    path = downloaded.folder / name
    files.write(path, content)
    return path


def image_record(releases: Releases, downloaded: Downloaded) -> None:
    """Download the record of the image, which names its base image."""
    if contents.IMAGE in downloaded.delivery.files:
        file(releases, downloaded, contents.IMAGE)


def everything(
    releases: Releases, release: responses.Release, folder: Path, say: Callable[[str], None]
) -> Downloaded:
    """Download and verify the complete delivery: package, evidence and attestations.

    Raises SluiceError for a file that is missing, added or changed, for a missing attestation
    (for a full release also those of its release), and for contents that forbid a release.
    """
    downloaded = record_of(releases, release, folder)
    delivery = downloaded.delivery
    added = {asset.name for asset in release.assets} - {NAME, *delivery.files}
    if added:
        raise SluiceError(
            f"release {release.tag_name}: the file {sorted(added)[0]} is not in {NAME}: it was "
            "added after the delivery; delete it from the release"
        )
    attestation.require_built(releases.access, folder / NAME, delivery.commit)
    if release.full:
        publication.require(releases, folder / NAME, downloaded.digest)
    say(f"{NAME}: attestation verified, sha256 {downloaded.digest}")
    for name in delivery.files:
        file(releases, downloaded, name)
    attestation.require_built(releases.access, downloaded.package, delivery.commit)
    attestation.require_image_built(releases.access, delivery.image, delivery.commit)
    contents.read(folder)
    say(
        f"{delivery.package} and its image: attestations verified, and all "
        f"{len(delivery.files)} files are as delivered"
    )
    return downloaded


def _asset(releases: Releases, release: responses.Release, name: str, most: int) -> bytes:
    """The bytes of the release's only file of this name, at most `most` of them."""
    where = f"release {release.tag_name}"
    found = [asset for asset in release.assets if asset.name == name]
    if len(release.assets) > _MOST_FILES:
        raise SluiceError(
            f"{where} has {len(release.assets)} files, more than the {_MOST_FILES} that a "
            f"delivery can have; delete those that are not in {NAME}"
        )
    if len(found) != 1:
        raise SluiceError(
            f"{where}: expected one file {name}, found {len(found)}; if this is a delivery, run "
            "the workflow Deliver again for its commit"
        )
    (asset,) = found
    if asset.state != "uploaded":
        raise SluiceError(
            f"{where}: the upload of {name} was not finished (GitHub calls it {asset.state!r}); "
            "run the workflow Deliver again for its commit"
        )
    if asset.size > most:
        raise SluiceError(f"{where}: {name} has {asset.size:,} bytes; at most {most:,} are read")
    content = releases.get(asset, most)
    if len(content) != asset.size:
        raise SluiceError(
            f"{where}: {len(content):,} of the {asset.size:,} bytes of {name} were received; run "
            "this again"
        )
    expected = (asset.digest or "").removeprefix("sha256:")
    if expected and hashlib.sha256(content).hexdigest() != expected:
        raise SluiceError(
            f"{where}: {name} was not downloaded intact: its sha256 is not the one that GitHub "
            "states; run this again"
        )
    return content
