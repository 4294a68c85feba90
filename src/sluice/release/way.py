"""What lies between the release that serves and the one that is to serve."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import SluiceError
from sluice.github import answers
from sluice.github.connection import RefusedError
from sluice.github.releases import Releases
from sluice.release.fetch import Fetched


@dataclass(frozen=True)
class Way:
    """come: the commits that only the target has. back: those that only what serves has."""

    come: answers.Changes
    back: answers.Changes


def between(releases: Releases, serves: answers.Release, target: Fetched) -> Way | None:
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


def require_back(way: Way | None, serves: answers.Release, target: Fetched) -> None:
    """A version that came after what serves is released, and not rolled back to."""
    if way and way.come.status == "ahead":
        later = target.release.tag_name
        raise SluiceError(
            f"{later} is ahead of {serves.tag_name}, which serves production, so this is no way "
            f"back: make {later} a pre-release again, and release it with release.yml"
        )
