"""A fake GitHub with one repository, which refuses requests that GitHub does not document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema_rs

from support.github.documented import ROUTES, Route
from support.github.fake_branches import FakeBranches
from support.github.fake_deployments import FakeDeployments
from support.github.fake_pulls import FakePulls
from support.github.fake_releases import FakeReleases
from support.github.fake_settings import FakeSettings

TOKEN = "ghp_s3cretS3cretS3cretS3cretS3cret0000"  # noqa: S105

Answer = tuple[int, Any]


class DocumentationError(Exception):
    """A request that GitHub's reference does not describe."""


class FakeGitHub(FakeBranches, FakeDeployments, FakePulls, FakeReleases, FakeSettings):
    """The fake GitHub. Its attributes are the state of the repository, which a test may change."""

    def __init__(self) -> None:
        FakeBranches.__init__(self)
        FakeDeployments.__init__(self)
        FakePulls.__init__(self)
        FakeReleases.__init__(self)
        FakeSettings.__init__(self)
        self.page = 100
        # Sent with each answer.
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.undocumented: list[str] = []
        # Requests that were answered with 304 (not modified).
        self.unchanged: list[str] = []
        # Called with verb, path and the number of the write; returns an answer that replaces the
        # usual one, or None.
        self.interfere: Callable[[str, str, int], Answer | bytes | None] = lambda *_: None
        self._ids = iter(range(1000, 10**6))

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.requests if one[0] != "GET"]

    def _compare(self, between: str, **given: Any) -> Answer:
        branch = between.partition("...")[2]
        return self.ahead(branch) if branch in self.branches else super()._compare(between, **given)

    def answer(self, verb: str, target: str, headers: Any, raw: bytes) -> Answer | bytes:
        elsewhere = self.stored(verb, target, headers, raw)
        if elsewhere is not None:
            return elsewhere
        url = urlsplit(target)
        body = json.loads(raw) if raw else None
        self.requests.append((verb, target, body))
        own = self.interfere(verb, url.path, len(self.writes))
        if own is not None:
            return own
        if headers.get("Authorization") not in (f"Bearer {TOKEN}", f"token {TOKEN}"):
            return 401, {"message": "Bad credentials"}
        try:
            route, parts = self._held(verb, url.path, url.query, headers, body)
        except DocumentationError as error:
            self.undocumented.append(str(error))
            return 422, {"message": f"not documented: {error}"}
        name = "/".join(parts[:2])
        # Only files are read from other repositories too.
        if "repos" in url.path and name != "octo/shop" and route.name != "content":
            return 404, {"message": "Not Found"}
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        result: Answer = getattr(self, f"_{route.name}")(
            *(parts[2:] if url.path.startswith("/repos/") else parts),
            body=body,
            query=query,
            whose=name,
        )
        return result

    def _held(
        self, verb: str, path: str, query: str, headers: Any, body: Any
    ) -> tuple[Route, list[str]]:
        where = f"{verb} {path}"
        wanted = "octet-stream" if "/releases/assets/" in path else "vnd.github+json"
        if headers.get("Accept") != f"application/{wanted}":
            raise DocumentationError(f"{where}: Accept {headers.get('Accept')}")
        if headers.get("X-GitHub-Api-Version") not in ("2022-11-28", "2026-03-10"):
            raise DocumentationError(f"{where}: version {headers.get('X-GitHub-Api-Version')}")
        if not headers.get("User-Agent"):
            raise DocumentationError(f"{where}: no User-Agent")
        for route in ROUTES:
            parts = route.match(verb, path)
            if parts is None:
                continue
            if extra := parse_qs(query).keys() - route.query:
                raise DocumentationError(f"{where}: query {extra}")
            if route.body is None and body is not None:
                raise DocumentationError(f"{where}: takes no body")
            if route.body is not None:
                self._check(where, route, body)
            return route, [unquote(part) for part in parts]
        raise DocumentationError(f"{where}: no such request")

    def _check(self, where: str, route: Route, body: Any) -> None:
        if route.name == "put_environment" and self.knows_bypass and isinstance(body, dict):
            body = {key: value for key, value in body.items() if key != "can_admins_bypass"}
        try:
            jsonschema_rs.validate(route.body, body)
        except jsonschema_rs.ValidationError as error:
            raise DocumentationError(f"{where}: {error.message}") from None

    def _paged(self, items: list[Any], query: dict[str, str]) -> list[Any]:
        size = min(int(query.get("per_page", 30)), self.page)
        number = int(query.get("page", 1))
        self._more = number * size < len(items)
        return items[(number - 1) * size : number * size]

    def link(self) -> str | None:
        more, self._more = getattr(self, "_more", False), False
        return '<https://example.org/?page=2>; rel="next"' if more else None
