"""The part of the fake GitHub that has pull requests, their runs and their comments."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

RUN = 7001
HEAD = "a1" * 20
BASE = "b2" * 20
BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}

Answer = tuple[int, Any]


def started(id: int) -> dict[str, Any]:
    """A run of a workflow that a person started by hand."""
    return {
        "id": id,
        "event": "workflow_dispatch",
        "status": "in_progress",
        "path": ".github/workflows/release.yml",
        "head_sha": BASE,
        "actor": person("octocat"),
        "triggering_actor": person("octocat"),
    }


def person(login: str) -> dict[str, Any]:
    return {"login": login, "id": 1, "type": "User"}


def repository(name: str) -> dict[str, Any]:
    owner = name.partition("/")[0]
    return {"id": 5, "full_name": name, "owner": {"login": owner, "id": 6, "type": "User"}}


def pull(
    number: int = 12, *, whose: str = "octo/shop", branch: str = "better", sha: str = HEAD
) -> dict[str, Any]:
    owner = whose.partition("/")[0]
    return {
        "number": number,
        "state": "open",
        "title": "A better model",
        "head": {
            "label": f"{owner}:{branch}",
            "ref": branch,
            "sha": sha,
            "repo": repository(whose),
        },
        "base": {"label": "octo:main", "ref": "main", "sha": BASE, "repo": repository("octo/shop")},
        "changed_files": 1,
    }


class FakePulls:
    """One run of CI, of one open pull request, which left one artifact."""

    _paged: Callable[[list[Any], dict[str, str]], list[Any]]

    def __init__(self) -> None:
        self.run: dict[str, Any] = {
            "id": RUN,
            "name": "CI",
            "path": ".github/workflows/ci.yml",
            "event": "pull_request",
            "status": "completed",
            "conclusion": "success",
            "run_attempt": 1,
            "head_sha": HEAD,
            "head_branch": "better",
            "head_repository": repository("octo/shop"),
            "html_url": "https://evil.example.org/",
            "pull_requests": [],
        }
        # Earlier ones, by their numbers.
        self.runs: dict[int, dict[str, Any]] = {}
        self.jobs: list[dict[str, Any]] = [{"id": 1, "name": "test", "conclusion": "success"}]
        self.artifacts: list[dict[str, Any]] = [
            {"id": 90, "name": "report", "size_in_bytes": 5000, "expired": False}
        ]
        # Those of other runs.
        self.earlier_artifacts: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = [pull()]
        self.files: list[dict[str, Any]] = [
            {"sha": "c3", "filename": "src/usecase/features.py", "status": "modified"}
        ]
        self.contents: dict[tuple[str, str, str], bytes] = {}
        # What a folder holds, by its path and the revision.
        self.folders: dict[str, dict[str, list[dict[str, str]]]] = {"workflows": {}}
        self.comments: list[dict[str, Any]] = []
        # The address of an artifact's content, which is not part of GitHub's API.
        self.storage = "http://127.0.0.1:1/"
        self._comment_ids = iter(range(500, 10**6))

    def _run(self, id: str, **_: Any) -> Answer:
        found = {self.run["id"]: self.run, **self.runs}.get(int(id))
        return (200, found) if found else (404, {"message": "Not Found"})

    def _jobs(self, id: str, *, query: dict[str, str], **_: Any) -> Answer:
        return 200, {"total_count": len(self.jobs), "jobs": self._paged(self.jobs, query)}

    def _artifacts(self, id: str, *, query: dict[str, str], **_: Any) -> Answer:
        found = [one for one in self.artifacts if one["name"] == query.get("name", one["name"])]
        return 200, {"total_count": len(found), "artifacts": self._paged(found, query)}

    def _every_artifact(self, *, query: dict[str, str], **_: Any) -> Answer:
        found = [*self.artifacts, *self.earlier_artifacts]
        return 200, {"total_count": len(found), "artifacts": self._paged(found, query)}

    def _zip(self, id: str, form: str, **_: Any) -> Answer:
        return 302, {"url": self.storage}

    def _pulls_of_commit(self, sha: str, *, query: dict[str, str], **_: Any) -> Answer:
        """Like GitHub, this does not find the pull request of a fork by its commit."""
        own = [
            {key: value for key, value in one.items() if key != "changed_files"}
            for one in self.pulls
            if one["head"]["label"].startswith("octo:")
        ]
        return 200, self._paged(own, query)

    def _pulls(self, *, query: dict[str, str], **_: Any) -> Answer:
        found = [
            one
            for one in self.pulls
            if query.get("state") in (one["state"], "all")
            and one["head"]["label"] == query.get("head")
        ]
        return 200, self._paged(found, query)

    def _pull(self, number: str, **_: Any) -> Answer:
        return 200, next(one for one in self.pulls if one["number"] == int(number))

    def _files(self, number: str, *, query: dict[str, str], **_: Any) -> Answer:
        return 200, self._paged(self.files, query)

    def _content(self, *parts: str, query: dict[str, str], whose: str, **_: Any) -> Answer:
        if parts[-1] in self.folders:
            return 200, self.folders[parts[-1]].get(query["ref"], [])
        content = self.contents.get((whose, parts[-1], query["ref"]))
        if content is None:
            return 404, {"message": "Not Found"}
        return 200, {
            "type": "file",
            "name": parts[-1],
            "size": len(content),
            "encoding": "base64",
            "content": base64.encodebytes(content).decode(),
        }

    def _comments(self, number: str, *, query: dict[str, str], **_: Any) -> Answer:
        found = [one for one in self.comments if one.get("issue", 12) == int(number)]
        return 200, self._paged(found, query)

    def _create_comment(self, number: str, *, body: Any, **_: Any) -> Answer:
        self.comments.append(
            {"id": next(self._comment_ids), "issue": int(number), "user": BOT, **body}
        )
        return 201, self.comments[-1]

    def _update_comment(self, id: str, *, body: Any, **_: Any) -> Answer:
        kept = next(one for one in self.comments if one["id"] == int(id))
        kept.update(body)
        return 200, kept
