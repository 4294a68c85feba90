"""What lies between the release that serves and the one that is to serve."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.delivery.fetch import Fetched
from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.connection import RefusedError
from sluice.github.api.releases import Releases


@dataclass(frozen=True)
class Way:
    """come: the commits that only the target has. back: those that only what serves has."""

    come: responses.Changes
    back: responses.Changes


def between(releases: Releases, serves: responses.Release, target: Fetched) -> Way | None:
    """By the commits of both tags; None where GitHub cannot compare them."""
    base, head = releases.commit_of(serves.tag_name), target.delivery.commit
    if base is None:
        return None
    try:
        return Way(releases.changes(base, head), releases.changes(head, base))
    except RefusedError as refused:
        if refused.status == 404:
            return None
        raise


def require_back(way: Way | None, serves: responses.Release, target: Fetched) -> None:
    """A version that came after what serves is released, and not rolled back to."""
    if way and way.come.status == "ahead":
        later = target.release.tag_name
        raise SluiceError(
            f"{later} is ahead of {serves.tag_name}, which serves production, so this is no way "
            f"back: make {later} a pre-release again, and release it with release.yml"
        )
