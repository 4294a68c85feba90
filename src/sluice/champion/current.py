"""Which package serves production now? This file alone answers that question. The champion is the
newest full release on GitHub. Its delivery.json is trusted only with attestations: it was built by
main's delivery workflow, and one run of main's release workflow attested its approval and its
release, which no rollback has revoked.
"""

from __future__ import annotations

import os
from pathlib import Path

from sluice.delivery import attestation, download, publication, record
from sluice.delivery.download import Downloaded
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.api.client import Client
from sluice.github.api.releases import Releases

NONE = "none"  # used instead of a tag while there is no champion
# "private" in a private repository on GitHub Enterprise: other private repositories have no
# attestations.
ATTESTATIONS = "SLUICE_ATTESTATIONS"


def release(releases: Releases) -> responses.Release | None:
    """The release of the champion; None while there is no full release.

    Raises SluiceError if GitHub does not answer, because that does not prove that there is none.
    """
    return releases.latest()


def tag_of(champion: responses.Release | None) -> str:
    """The champion's tag, or the word for no champion."""
    return champion.tag_name if champion else NONE


def delivery(releases: Releases, champion: responses.Release, folder: Path) -> Downloaded:
    """Download the champion's delivery.json into `folder` and verify its attestations.

    Raises SluiceError if the release is not a delivery, or was not released by the workflow.
    """
    downloaded = download.record_of(releases, champion, folder)
    if _has_attestations(releases.access):
        path = folder / record.NAME
        attestation.require_built(releases.access, path, downloaded.delivery.commit)
        publication.require(releases, path, downloaded.digest)
    return downloaded


def _has_attestations(access: Access) -> bool:
    """Whether the repository has attestations; a private one has them only if its variable says
    so.
    """
    with Client(access) as client:
        return not client.repository().private or os.environ.get(ATTESTATIONS) == "private"
