"""`sluice champion fetch`: download the package that serves production, verified."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sluice import files
from sluice.champion import current, folder
from sluice.champion.folder import PACKAGE, Record
from sluice.delivery import download
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.package.verify import verified


def run(repository: str | None, target: Path, say: Callable[[str], None]) -> None:
    """Put the champion into the folder `target`, or a record that there is none yet.

    Raises SluiceError if there is a champion that cannot be downloaded and verified; the folder
    is deleted then, so that an earlier champion is not mistaken for it.
    """
    files.clear_folder(target, folder.RECORD)
    with Releases(access.find(repository)) as releases:
        release = current.release(releases)
        if release is None:
            folder.write(target, Record(None))
            say("there is no full release yet, so there is no champion to compare with")
            return
        try:
            downloaded = current.delivery(releases, release, target)
            package = download.file(releases, downloaded, downloaded.delivery.package)
            with verified(package) as unpacked:
                version = unpacked.manifest.version
            if version != downloaded.delivery.version:
                raise SluiceError(
                    f"{release.tag_name}: {package.name} is not the package of this release: its "
                    f"version is {version}, expected {downloaded.delivery.version}"
                )
        except BaseException:
            shutil.rmtree(target)
            raise
    digest = downloaded.delivery.files[downloaded.delivery.package]
    package.rename(target / PACKAGE)
    folder.write(target, Record(release.tag_name, digest, downloaded.delivery.image))
    say(f"champion: {release.tag_name}, sha256 {digest}")
