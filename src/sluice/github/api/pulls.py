"""Workflow runs, pull requests and comments of one repository, through GitHub's REST API."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.github.api import download, responses
from sluice.github.api.connection import PAGE, Connection, RefusedError, as_body, quoted


class Pulls(Connection):
    """One method for each request; errors are described in `Connection`."""

    def run(self, id: int) -> responses.Run:
        actions = self.rest.actions
        return self.read(responses.Run, lambda: actions.get_workflow_run(*self.place, id))

    def failed_jobs(self, run: responses.Run) -> list[responses.Job]:
        """The jobs of the run's last attempt that did not succeed; skipped ones do not count."""
        actions = self.rest.actions
        jobs: list[responses.Job] = self.pages(
            responses.Jobs,
            lambda page: actions.list_jobs_for_workflow_run(
                *self.place, run.id, filter_="latest", per_page=PAGE, page=page
            ),
            lambda answer: answer.jobs,
        )
        return [job for job in jobs if job.failed]

    def artifacts(self, run: responses.Run, name: str) -> list[responses.Artifact]:
        """The artifacts of this name that any attempt of the run has uploaded."""
        actions = self.rest.actions
        found: list[responses.Artifact] = self.pages(
            responses.Artifacts,
            lambda page: actions.list_workflow_run_artifacts(
                *self.place, run.id, per_page=PAGE, page=page, name=name
            ),
            lambda answer: answer.artifacts,
        )
        return [one for one in found if one.name == name]

    def download(self, artifact: responses.Artifact, most: int) -> bytes:
        """The artifact's zip archive; raises SluiceError if it is larger than `most` bytes."""
        actions = self.rest.actions
        url = self.location(lambda: actions.download_artifact(*self.place, artifact.id, "zip"))
        api = urlsplit(self.access.url)
        local = api.scheme == "http" and api.hostname in ("127.0.0.1", "localhost")
        return download.fetch(url, most, plain=local)

    def of_commit(self, sha: str) -> list[responses.Pull]:
        """The pull requests with this commit; GitHub does not always list those from forks."""
        repos = self.rest.repos
        try:
            return self.pages(
                list[responses.Pull],
                lambda page: repos.list_pull_requests_associated_with_commit(
                    *self.place, quoted(sha), per_page=PAGE, page=page
                ),
                lambda answer: answer,
            )
        except RefusedError as refused:
            if refused.status in (404, 422):
                return []
            raise

    def of_branch(self, owner: str, branch: str) -> list[responses.Pull]:
        """The open pull requests from this branch. owner: owns the branch's repository."""
        pulls = self.rest.pulls
        return self.pages(
            list[responses.Pull],
            lambda page: pulls.list(
                *self.place, state="open", head=f"{owner}:{branch}", per_page=PAGE, page=page
            ),
            lambda answer: answer,
        )

    def pull(self, number: int) -> responses.Pull:
        return self.read(responses.Pull, lambda: self.rest.pulls.get(*self.place, number))

    def files(self, pull: responses.Pull) -> list[responses.PullFile]:
        """The changed files; GitHub lists at most 3,000 of them."""
        pulls = self.rest.pulls
        return self.pages(
            list[responses.PullFile],
            lambda page: pulls.list_files(*self.place, pull.number, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def content(self, side: responses.Side, path: str, most: int) -> bytes:
        """A file from one side of a pull request, whose repository may be a fork.

        Raises SluiceError if it is missing, not a file, or larger than `most` bytes.
        """
        if side.repo is None:
            raise SluiceError("its repository was deleted")
        owner, _, name = side.repo.full_name.partition("/")
        repos = self.rest.repos
        try:
            found = self.read(
                responses.Content,
                lambda: repos.get_content(quoted(owner), quoted(name), path, ref=side.sha),
            )
        except RefusedError as refused:
            if refused.status == 404:
                raise SluiceError("it is missing, or its repository was deleted") from None
            raise
        if found.type != "file":
            raise SluiceError(f"it is not a file but a {found.type}")
        if found.size > most or len(found.content) > 2 * most:
            raise SluiceError(f"it is larger than {most:,} bytes")
        try:
            return base64.b64decode(found.content)
        except binascii.Error:
            raise SluiceError("GitHub's answer does not contain its content") from None

    def comments(self, pull: responses.Pull) -> list[responses.Comment]:
        issues = self.rest.issues
        return self.pages(
            list[responses.Comment],
            lambda page: issues.list_comments(*self.place, pull.number, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def create_comment(self, pull: responses.Pull, text: str) -> None:
        issues = self.rest.issues
        self.ask(
            lambda: issues.create_comment(*self.place, pull.number, data=as_body({"body": text}))
        )

    def update_comment(self, comment: responses.Comment, text: str) -> None:
        issues = self.rest.issues
        self.ask(
            lambda: issues.update_comment(*self.place, comment.id, data=as_body({"body": text}))
        )
