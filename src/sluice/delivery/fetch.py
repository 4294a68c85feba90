"""`sluice delivery fetch`: download the package of a delivered version, by its approved digest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sluice import files
from sluice.delivery import attestation, download
from sluice.delivery.record import NAME, tag_of
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases

PACKAGE = "package.tar"


def run(
    repository: str | None, version: str, digest: str, folder: Path, say: Callable[[str], None]
) -> None:
    """Put the package, and the delivery.json that names it, into `folder`.

    digest: the sha256 that delivery.json must have. Raises SluiceError if it has another, or was
    not built by main's delivery workflow.
    """
    files.clear_folder(folder, NAME)
    tag = tag_of(version)
    with Releases(access.find(repository)) as releases:
        release = releases.of_tag(tag)
        if release is None:
            raise SluiceError(
                f"there is no release {tag}; choose a version from the Releases "
                "page of the repository"
            )
        found = download.record_of(releases, release, folder)
        if found.digest != digest:
            raise SluiceError(
                f"{tag}: the sha256 of delivery.json is {found.digest}, but {digest} was approved; "
                "start a new run"
            )
        attestation.require_built(releases.access, folder / NAME, found.delivery.commit)
        package = download.file(releases, found, found.delivery.package)
    package.rename(folder / PACKAGE)
    say(f"{tag}: {folder / PACKAGE}, sha256 {found.delivery.files[found.delivery.package]}")
