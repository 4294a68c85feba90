"""The commits between the champion and the version that is to serve production."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.delivery.download import Downloaded
from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.connection import RefusedError
from sluice.github.api.releases import Releases


@dataclass(frozen=True)
class Commits:
    """added: commits that only the target has. removed: commits that only the champion has."""

    added: responses.Changes
    removed: responses.Changes


def between(releases: Releases, champion: responses.Release, target: Downloaded) -> Commits | None:
    """Compare the commits of both tags; None if GitHub cannot compare them."""
    base, head = releases.commit_of(champion.tag_name), target.delivery.commit
    if base is None:
        return None
    try:
        return Commits(releases.changes(base, head), releases.changes(head, base))
    except RefusedError as refused:
        if refused.status == 404:
            return None
        raise


def require_rollback(
    commits: Commits | None, champion: responses.Release, target: Downloaded
) -> None:
    """Raise SluiceError for a target with more commits than the champion: that is no rollback."""
    if commits and commits.added.status == "ahead":
        tag = target.release.tag_name
        raise SluiceError(
            f"{tag} is ahead of the champion {champion.tag_name}, so this is not a rollback; "
            f"make {tag} a pre-release again, and release it with the workflow Release"
        )
