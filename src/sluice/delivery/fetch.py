"""A delivery from a release on GitHub, every byte of it by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sluice.delivery import attestation, delivery
from sluice.delivery.delivery import Delivery
from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.releases import Releases
from sluice.package.archive import MOST_BYTES

_MOST = 64 * 2**20
_MOST_NAMES = 2**20
_MOST_FILES = 50


@dataclass(frozen=True)
class Fetched:
    """`digest` is that of delivery.json: the one that is attested and approved."""

    release: responses.Release
    delivery: Delivery
    digest: str
    folder: Path

    @property
    def package(self) -> Path:
        return self.folder / self.delivery.package


def head(releases: Releases, release: responses.Release, folder: Path) -> Fetched:
    """`delivery.json` alone; raises SluiceError if it is not of this release and its tag."""
    content = _get(releases, release, delivery.NAME, _MOST_NAMES)
    where = f"{release.tag_name}: {delivery.NAME}"
    made = delivery.decode(content, where)
    if made.tag != release.tag_name:
        raise SluiceError(f"{where} is of {made.version}, not of this release")
    tagged = releases.commit_of(release.tag_name)
    if tagged != made.commit:
        raise SluiceError(
            f"the tag {release.tag_name} was moved: it points to {tagged or 'nothing'}, "
            f"the delivery was built from {made.commit}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / delivery.NAME).write_bytes(content)
    return Fetched(release, made, hashlib.sha256(content).hexdigest(), folder)


def file(releases: Releases, fetched: Fetched, name: str) -> Path:
    """One file, held to the digest that the delivery names."""
    most = MOST_BYTES if name == fetched.delivery.package else _MOST
    content = _get(releases, fetched.release, name, most)
    if hashlib.sha256(content).hexdigest() != fetched.delivery.files[name]:
        raise SluiceError(
            f"{fetched.release.tag_name}: {name} was changed after its delivery: "
            "its sha256 is not the delivered one"
        )
    path = fetched.folder / name
    path.write_bytes(content)
    return path


def whole(
    releases: Releases, release: responses.Release, folder: Path, say: Callable[[str], None]
) -> Fetched:
    """Every file of the release, attested and verified; raises SluiceError for any doubt."""
    fetched = head(releases, release, folder)
    surplus = {asset.name for asset in release.assets} - {delivery.NAME, *fetched.delivery.files}
    if surplus:
        raise SluiceError(f"{release.tag_name}: {sorted(surplus)[0]} was added after the delivery")
    made = fetched.delivery
    attestation.built(releases.access, folder / delivery.NAME, made.commit)
    if release.full:
        attestation.approved(releases.access, folder / delivery.NAME)
    say(f"{delivery.NAME}: attested, sha256 {fetched.digest}")
    for name in made.files:
        file(releases, fetched, name)
    attestation.built(releases.access, fetched.package, made.commit)
    attestation.image_built(releases.access, made.image, made.commit)
    delivery.read(folder)
    say(
        f"{made.package} and its image: attested and verified, {len(made.files)} files as delivered"
    )
    return fetched


def _get(releases: Releases, release: responses.Release, name: str, most: int) -> bytes:
    found = [asset for asset in release.assets if asset.name == name]
    if len(found) != 1 or len(release.assets) > _MOST_FILES:
        raise SluiceError(f"{release.tag_name}: no delivery of sluice's: {name} is not there once")
    (asset,) = found
    if asset.state != "uploaded" or asset.size > most:
        raise SluiceError(f"{release.tag_name}: {name} is not whole, or larger than {most:,} bytes")
    content = releases.get(asset, most)
    told = (asset.digest or "").removeprefix("sha256:")
    if len(content) != asset.size or (told and hashlib.sha256(content).hexdigest() != told):
        raise SluiceError(f"{release.tag_name}: {name} did not come as GitHub says it is")
    return content
