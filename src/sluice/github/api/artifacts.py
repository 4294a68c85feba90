"""The artifacts of all workflow runs of one repository, through GitHub's REST API."""

from __future__ import annotations

from sluice.github.api import responses
from sluice.github.api.connection import PAGE, Connection

_MOST_PAGES = 30  # the newest artifacts; GitHub deletes them after 90 days


class Artifacts(Connection):
    """One method for each request; errors are described in `Connection`."""

    def names(self, prefix: str) -> set[str]:
        """The names that begin with `prefix`, of the newest 3,000 artifacts, expired or not."""
        actions = self.rest.actions
        found: set[str] = set()
        for page in range(1, _MOST_PAGES + 1):
            listed = self.read(
                responses.Artifacts,
                lambda page=page: actions.list_artifacts_for_repo(  # type: ignore[misc]
                    *self.place, per_page=PAGE, page=page
                ),
            ).artifacts
            found |= {one.name for one in listed if one.name.startswith(prefix)}
            if len(listed) < PAGE:
                break
        return found
