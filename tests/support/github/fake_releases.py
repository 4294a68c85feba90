"""The part of the fake GitHub that has releases, their files and tags, and who approved a run."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
GONE: Answer = (404, {"message": "Not Found"})


class FakeReleases:
    _paged: Callable[[list[Any], dict[str, str]], list[Any]]

    def __init__(self) -> None:
        self.releases: list[dict[str, Any]] = []
        self.latest: int | None = None
        self.tags: dict[str, dict[str, str]] = {}
        self.kept: dict[int, bytes] = {}
        # By run: the reviews, as GitHub returns them.
        self.approvals: dict[int, list[dict[str, Any]]] = {}
        # The commits that a later release has and an earlier one lacks, and the reverse.
        self.commits: list[dict[str, Any]] = []
        self.astray: list[dict[str, Any]] = []
        self.url = ""
        # Where the replacement of actions/attest keeps its records.
        self.attested: Path | None = None
        self._release_ids = iter(range(2000, 10**6))

    def save(self, path: Path) -> None:
        kept = {number: base64.b64encode(content).decode() for number, content in self.kept.items()}
        path.write_text(json.dumps([self.releases, self.latest, self.tags, kept]), "utf-8")

    def load(self, path: Path) -> None:
        """Replace the releases by saved ones, as if this server had always had them."""
        self.releases, self.latest, self.tags, kept = json.loads(path.read_text("utf-8"))
        self.kept = {int(number): base64.b64decode(content) for number, content in kept.items()}
        self._release_ids = iter(range(5000, 10**6))

    def approve(self, run: int, login: str, environment: str = "production") -> None:
        word = {
            "state": "approved",
            "comment": "",
            "environments": [{"id": 1, "name": environment}],
            "user": {"id": 9, "login": login},
        }
        self.approvals.setdefault(run, []).append(word)

    def release(self, tag: str) -> dict[str, Any]:
        return next(one for one in self.releases if one["tag_name"] == tag)

    def asset(self, tag: str, name: str) -> dict[str, Any]:
        return next(one for one in self.release(tag)["assets"] if one["name"] == name)

    def swap(self, tag: str, name: str, content: bytes) -> None:
        """Replace a file under the same name, as anyone with write access can do."""
        asset = self.asset(tag, name)
        self.kept[asset["id"]] = content
        digest = hashlib.sha256(content).hexdigest()
        asset |= {"size": len(content), "digest": f"sha256:{digest}"}

    def stored(self, verb: str, target: str, headers: Any, raw: bytes) -> Answer | bytes | None:
        """Requests to GitHub's other hosts: uploads, and downloads without a token."""
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        if parts[0] == "uploads" and verb == "POST":
            return self._upload(int(parts[1]), parse_qs(url.query)["name"][0], raw, headers)
        if parts[0] == "storage" and verb == "GET":
            if headers.get("Authorization"):
                return 400, {"message": "Only one auth mechanism allowed"}
            return self.kept[int(parts[1])]
        return None

    def _upload(self, id: int, name: str, raw: bytes, headers: Any) -> Answer:
        if not headers.get("Authorization") or not headers.get("Content-Type"):
            return 401, {"message": "Requires authentication"}
        release = next(one for one in self.releases if one["id"] == id)
        if any(asset["name"] == name for asset in release["assets"]):
            return 422, {"message": "already_exists"}
        asset = {
            "id": next(self._release_ids),
            "name": name,
            "size": len(raw),
            "state": "uploaded",
            "digest": f"sha256:{hashlib.sha256(raw).hexdigest()}",
        }
        self.kept[asset["id"]] = raw
        release["assets"].append(asset)
        return 201, asset

    def _newest(self) -> dict[str, Any] | None:
        full = [one for one in self.releases if not (one["draft"] or one["prerelease"])]
        chosen = [one for one in full if one["id"] == self.latest]
        return (chosen or sorted(full, key=lambda one: str(one["created_at"]))[-1:] or [None])[0]

    def _latest_release(self, **_: Any) -> Answer:
        newest = self._newest()
        return (200, newest) if newest else GONE

    def _release_of_tag(self, tag: str, **_: Any) -> Answer:
        for one in self.releases:
            if one["tag_name"] == tag and not one["draft"]:
                return 200, one
        return GONE

    def _releases(self, *, query: dict[str, str], **_: Any) -> Answer:
        return 200, self._paged(self.releases[::-1], query)

    def _create_release(self, *, body: Any, **_: Any) -> Answer:
        number = next(self._release_ids)
        order = f"2026-01-02T03:{len(self.releases):02d}:00Z"
        made = {
            "id": number,
            "html_url": f"https://github.example.org/octo/shop/releases/{body['tag_name']}",
            "upload_url": f"{self.url}/uploads/{number}{{?name,label}}",
            "created_at": order,
            "published_at": None,
            "body": "",
            "assets": [],
            "draft": False,
            "prerelease": False,
            **body,
        }
        self.releases.append(made)
        self._published(made)
        return 201, made

    def _update_release(self, id: str, *, body: Any, **_: Any) -> Answer:
        found = [one for one in self.releases if one["id"] == int(id)]
        if not found:
            return GONE
        (release,) = found
        change = dict(body)
        latest = change.pop("make_latest", None)
        release |= change
        if latest == "true":
            if release["prerelease"] or release["draft"]:
                return 422, {"message": "a pre-release cannot be the latest"}
            self.latest = release["id"]
        self._published(release)
        return 200, release

    def _published(self, release: dict[str, Any]) -> None:
        if not release["draft"]:
            release["published_at"] = release["published_at"] or release["created_at"]
            target = {"sha": release.get("target_commitish", "main"), "type": "commit"}
            self.tags.setdefault(release["tag_name"], target)

    def _delete_release(self, id: str, **_: Any) -> Answer:
        self.releases = [one for one in self.releases if one["id"] != int(id)]
        return 204, None

    def _asset(self, id: str, **_: Any) -> Answer:
        if int(id) not in self.kept:
            return GONE
        return 302, {"url": f"{self.url}/storage/{id}"}

    def _tag_ref(self, tag: str, **_: Any) -> Answer:
        target = self.tags.get(unquote(tag))
        return (200, {"ref": f"refs/tags/{tag}", "object": target}) if target else GONE

    def _annotated(self, sha: str, **_: Any) -> Answer:
        return 200, {"tag": "v", "object": {"sha": sha[::-1], "type": "commit"}}

    def _compare(self, between: str, *, query: dict[str, str], **_: Any) -> Answer:
        """Compare as if the releases had been made in the order of their commits."""
        base, head = between.split("...")
        line = [one["target_commitish"] for one in self.releases]
        if not {base, head} <= set(line):
            return GONE
        if base == head:
            return 200, {"status": "identical", "total_commits": 0, "commits": []}
        forward = line.index(base) < line.index(head)
        status = "diverged" if self.astray else "ahead" if forward else "behind"
        found = self.commits if forward else self.astray
        # By pages from the oldest on; without them the last 250.
        shown = self._paged(found, query) if query else found[-250:]
        return 200, {"status": status, "total_commits": len(found), "commits": shown}

    def _attestations(self, digest: str, *, query: dict[str, str], **_: Any) -> Answer:
        name = f"{unquote(digest).removeprefix('sha256:')}.{query['predicate_type']}.*.json"
        found = sorted(self.attested.glob(name)) if self.attested else []
        return (200, {"attestations": [{"bundle": {}} for _ in found]}) if found else GONE

    def _approvals(self, run: str, **_: Any) -> Answer:
        return 200, self.approvals.get(int(run), [])
