"""The commits that one revision has and another one lacks."""

from __future__ import annotations

from sluice.github.api import responses
from sluice.github.api.connection import Connection, quoted


class Comparison(Connection):
    """A connection that compares revisions: commits, tags or branches."""

    def changes(self, base: str, head: str) -> responses.Changes:
        """The newest 250 commits of `head` that `base` does not have.

        The request has no page number, because with one GitHub would begin with the oldest commits.
        """
        repos = self.rest.repos
        between = f"{quoted(base)}...{quoted(head)}"
        return self.read(responses.Changes, lambda: repos.compare_commits(*self.place, between))
