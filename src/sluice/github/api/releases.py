"""One repository's releases over GitHub's REST API: a method a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.github.api import download, responses, upload
from sluice.github.api.connection import PAGE, Connection, RefusedError, as_body, quoted


class Releases(Connection):
    def latest(self) -> responses.Release | None:
        """The newest full release: the one that GitHub marks as the latest.

        One 404 is not the word that there is none: the list of releases has to say so too.
        """
        found = self._maybe(lambda: self.rest.repos.get_latest_release(*self.place))
        if found is None and (full := next((one for one in self.every() if one.full), None)):
            raise SluiceError(
                f"GitHub names no latest release, but {full.tag_name} is a full one: mark the one "
                "that serves production as the latest, and start again"
            )
        return found

    def of_tag(self, tag: str) -> responses.Release | None:
        """A pre-release or full release; GitHub does not find drafts by their tag."""
        return self._maybe(lambda: self.rest.repos.get_release_by_tag(*self.place, quoted(tag)))

    def every(self) -> list[responses.Release]:
        repos = self.rest.repos
        return self.pages(
            list[responses.Release],
            lambda page: repos.list_releases(*self.place, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def create(self, body: dict[str, Any]) -> responses.Release:
        repos = self.rest.repos
        return self.read(
            responses.Release, lambda: repos.create_release(*self.place, data=as_body(body))
        )

    def update(self, release: responses.Release, body: dict[str, Any]) -> responses.Release:
        repos = self.rest.repos
        return self.read(
            responses.Release,
            lambda: repos.update_release(*self.place, release.id, data=as_body(body)),
        )

    def delete(self, release: responses.Release) -> None:
        self.ask(lambda: self.rest.repos.delete_release(*self.place, release.id))

    def put(self, release: responses.Release, path: Path) -> None:
        upload.put(self.access, release.upload_url, path)

    def get(self, asset: responses.Asset, most: int) -> bytes:
        headers = {"Accept": "application/octet-stream"}
        repos = self.rest.repos
        url = self.location(lambda: repos.get_release_asset(*self.place, asset.id, headers=headers))
        return download.fetch(url, most, plain=urlsplit(self.access.url).scheme == "http")

    def commit_of(self, tag: str) -> str | None:
        """The commit that a tag points to, through an annotated tag where it is one."""
        git = self.rest.git
        try:
            target = self.read(
                responses.Ref, lambda: git.get_ref(*self.place, f"tags/{quoted(tag)}")
            ).object
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
        if target.type == "tag":
            target = self.read(
                responses.Ref, lambda: git.get_tag(*self.place, quoted(target.sha))
            ).object
        return target.sha

    def changes(self, base: str, head: str) -> responses.Changes:
        """The commits of `head` that `base` does not have, the newest 250 of them.

        Asked for by pages, GitHub would begin with the oldest.
        """
        repos = self.rest.repos
        between = f"{quoted(base)}...{quoted(head)}"
        return self.read(responses.Changes, lambda: repos.compare_commits(*self.place, between))

    def run(self, id: int) -> responses.Run:
        actions = self.rest.actions
        return self.read(responses.Run, lambda: actions.get_workflow_run(*self.place, id))

    def approvals(self, run: int) -> list[responses.Approval]:
        actions = self.rest.actions
        return self.read(
            list[responses.Approval], lambda: actions.get_reviews_for_run(*self.place, run)
        )

    def _maybe(self, request: Any) -> responses.Release | None:
        try:
            return self.read(responses.Release, request)
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
