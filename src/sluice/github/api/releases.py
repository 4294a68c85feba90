"""Releases, tags and approvals of one repository, through GitHub's REST API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.github.api import download, responses, upload
from sluice.github.api.comparison import Comparison
from sluice.github.api.connection import PAGE, RefusedError, as_body, quoted

WORKFLOWS = ".github/workflows"
# GitHub's answer if its own token may not change a release, because it may not change workflows.
ADVICE = (
    "if the workflows of this commit differ from those of main, save a token that may write "
    "Contents and Workflows as the secret RELEASE_TOKEN of the environment publish"
)


class Releases(Comparison):
    """One method for each request; errors are described in `Connection`."""

    def latest(self) -> responses.Release | None:
        """The release that GitHub marks as the latest, or None if there is no full release.

        Raises SluiceError if GitHub answers 404 although its list has a full release.
        """
        repos = self.rest.repos
        try:
            found = self.read_again(
                "latest",
                responses.Release,
                lambda headers: repos.get_latest_release(*self.place, headers=headers),
            )
        except RefusedError as refused:
            if refused.status != 404:
                raise
            found = None
        if found is None and (full := next((one for one in self.every() if one.full), None)):
            raise SluiceError(
                f"GitHub marks no release as the latest, but {full.tag_name} is a full release: "
                "mark the release that serves production as the latest, and start again"
            )
        return found

    def of_tag(self, tag: str) -> responses.Release | None:
        """The pre-release or full release of a tag; GitHub does not find drafts by their tag."""
        return self.read_or_none(
            responses.Release,
            lambda: self.rest.repos.get_release_by_tag(*self.place, quoted(tag)),
        )

    def every(self) -> list[responses.Release]:
        """All releases, the newest first."""
        repos = self.rest.repos
        return self.pages(
            list[responses.Release],
            lambda page: repos.list_releases(*self.place, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def create(self, body: dict[str, Any]) -> responses.Release:
        """Create a release. Raises RefusedError, with advice if GitHub refuses because of workflow
        files.
        """
        repos = self.rest.repos
        return self._changed(lambda: repos.create_release(*self.place, data=as_body(body)))

    def update(self, release: responses.Release, body: dict[str, Any]) -> responses.Release:
        """Change a release. Raises RefusedError like `create`."""
        repos = self.rest.repos
        return self._changed(
            lambda: repos.update_release(*self.place, release.id, data=as_body(body))
        )

    def _changed(self, request: Callable[[], Any]) -> responses.Release:
        try:
            return self.read(responses.Release, request)
        except RefusedError as refused:
            if refused.permanent and refused.status in (403, 404):
                raise SluiceError(f"{refused}; {ADVICE}") from None
            raise

    def delete(self, release: responses.Release) -> None:
        """Delete a release; its tag remains."""
        self.ask(lambda: self.rest.repos.delete_release(*self.place, release.id))

    def put(self, release: responses.Release, path: Path) -> None:
        """Upload a file to a release."""
        upload.put(self.access, release.upload_url, path)

    def get(self, asset: responses.Asset, most: int) -> bytes:
        """The content of a release's file; raises SluiceError if it has more than `most` bytes."""
        headers = {"Accept": "application/octet-stream"}
        repos = self.rest.repos
        url = self.location(lambda: repos.get_release_asset(*self.place, asset.id, headers=headers))
        return download.fetch(url, most, plain=urlsplit(self.access.url).scheme == "http")

    def commit_of(self, tag: str) -> str | None:
        """The hash of the commit that a tag names, or None if there is no such tag."""
        git = self.rest.git
        ref = self.read_or_none(
            responses.Ref, lambda: git.get_ref(*self.place, f"tags/{quoted(tag)}")
        )
        if ref is None:
            return None
        target = ref.object
        if target.type == "tag":  # an annotated tag
            target = self.read(
                responses.Ref, lambda: git.get_tag(*self.place, quoted(target.sha))
            ).object
        return target.sha

    def workflows(self, revision: str) -> dict[str, str]:
        """The git hash of each workflow file at a revision, by its name; may be empty."""
        repos = self.rest.repos
        found = self.read_or_none(
            list[responses.Listed],
            lambda: repos.get_content(*self.place, WORKFLOWS, ref=revision),
        )
        return {one.name: one.sha for one in found or ()}

    def attestations(self, digest: str, kind: str) -> int:
        """How many attestations a sha256 has under a predicate type, counted up to one page.

        The attestations are not verified: anyone who may run a workflow can have made them.
        """
        repos = self.rest.repos
        found = self.read_or_none(
            responses.Attestations,
            lambda: repos.list_attestations(
                *self.place, f"sha256:{digest}", per_page=PAGE, predicate_type=kind
            ),
        )
        return len(found.attestations) if found else 0

    def run(self, id: int) -> responses.Run:
        actions = self.rest.actions
        return self.read(responses.Run, lambda: actions.get_workflow_run(*self.place, id))

    def approvals(self, run: int) -> list[responses.Approval]:
        """The reviews of the deployments of a workflow run."""
        actions = self.rest.actions
        return self.read(
            list[responses.Approval], lambda: actions.get_reviews_for_run(*self.place, run)
        )
