"""The versions that GitHub has as pre-releases and as full releases."""

from __future__ import annotations

from sluice.champion import current
from sluice.delivery.record import is_tag, tag_of
from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.releases import Releases


def find(releases: Releases, version: str, *, full: bool) -> responses.Release:
    """The release of a version. Raises SluiceError unless it is a full release or pre-release as
    required.
    """
    tag = tag_of(version)
    release = releases.of_tag(tag)
    if release is None or release.draft:
        raise SluiceError(
            f"there is no release {tag}; choose a version from the Releases page of the repository"
        )
    if full and release.prerelease:
        raise SluiceError(
            f"{tag} is a pre-release, and only a full release can be rolled back to; to release "
            "it, use the workflow Release"
        )
    if not full and not release.prerelease:
        raise SluiceError(
            f"{tag} is already a full release; if a later version serves production, return to "
            "this one with the workflow Roll back"
        )
    return release


def released(releases: Releases) -> list[responses.Release]:
    """All full releases of versions; a repository may also have other releases."""
    return [one for one in releases.every() if one.full and is_tag(one.tag_name)]


def later(releases: Releases, target: responses.Release) -> list[responses.Release]:
    """The full releases that came after `target`, and the champion, but not `target` itself."""
    champion = current.release(releases)
    serves = champion.id if champion else None
    return [
        one
        for one in released(releases)
        if one.id != target.id
        and (one.id == serves or _when(one) > _when(target) or one.created_at >= target.created_at)
    ]


def _when(release: responses.Release) -> str:
    return release.published_at or release.created_at
