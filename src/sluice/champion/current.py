"""The package that serves production: of the newest full release, by digest, and verified."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from sluice.champion.local import FILE, PACKAGE, Champion
from sluice.delivery import attestation, delivery, fetch
from sluice.delivery.fetch import Fetched
from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.client import Client
from sluice.github.api.releases import Releases
from sluice.package import verify

# Private repositories have attestations on GitHub Enterprise alone.
PRIVATE = "SLUICE_ATTESTATIONS"


def run(repository: str | None, folder: Path, say: Callable[[str], None]) -> None:
    """Put the champion into `folder`, or the word that there is none yet.

    Raises SluiceError where there should be one and it cannot be had whole; `folder` is then
    empty, so that nothing stands in for it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Releases(access.find(repository)) as releases:
        release = releases.latest()
        if release is None:
            _write(folder, Champion(None))
            say("there is no full release yet, so nobody to compare with")
            return
        try:
            fetched = head(releases, release, folder)
            package = fetch.file(releases, fetched, fetched.delivery.package)
            manifest, verdict = verify.run(package)
            if not verdict.passes or manifest.version != fetched.delivery.version:
                raise SluiceError(f"{package.name}: not the package of its release: {verdict.why}")
        except BaseException:
            shutil.rmtree(folder)
            raise
    digest = fetched.delivery.files[fetched.delivery.package]
    package.rename(folder / PACKAGE)
    _write(folder, Champion(release.tag_name, digest, fetched.delivery.image))
    say(f"champion: {release.tag_name}, sha256 {digest}")


def head(releases: Releases, release: responses.Release, folder: Path) -> Fetched:
    """Its `delivery.json`: built on main and approved, where attestations are to be had."""
    fetched = fetch.head(releases, release, folder)
    if _attested(releases.access):
        attestation.built(releases.access, folder / delivery.NAME, fetched.delivery.commit)
        attestation.approved(releases.access, folder / delivery.NAME)
    return fetched


def _attested(found: access.Access) -> bool:
    """Whether attestations are to be had: everywhere but in a private repository without them."""
    with Client(found) as client:
        return not client.repository().private or os.environ.get(PRIVATE) == "private"


def _write(folder: Path, champion: Champion) -> None:
    content = msgspec.json.format(msgspec.json.encode(champion), indent=2) + b"\n"
    (folder / FILE).write_bytes(content)
