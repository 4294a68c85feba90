"""A GitHub on 127.0.0.1 with one repository: what it is sent is held to the documented form."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema

from support.github.documented import ROUTES, Route
from support.github.fake_pulls import FakePulls
from support.github.fake_releases import FakeReleases

TOKEN = "ghp_s3cretS3cretS3cretS3cretS3cret0000"  # noqa: S105
USERS = {"octocat": 1, "hubot": 2, "monalisa": 3}
TEAMS = {"releasers": 77}
NO_REVIEWERS = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports "
    "the required reviewers protection rule."
)
NO_RULESETS = "Upgrade to GitHub Pro or make this repository public to enable this feature."

Answer = tuple[int, Any]


class DocumentationError(Exception):
    """A request that GitHub's reference does not have."""


class FakeGitHub(FakePulls, FakeReleases):
    """Its attributes are the repository; a test changes them as it likes."""

    def __init__(self) -> None:
        FakePulls.__init__(self)
        FakeReleases.__init__(self)
        self.repository: dict[str, Any] = {
            "id": 1,
            "name": "shop",
            "full_name": "octo/shop",
            "private": False,
            "allow_squash_merge": True,
            "allow_merge_commit": True,
            "allow_rebase_merge": True,
            "delete_branch_on_merge": False,
        }
        self.actions: dict[str, Any] = {
            "enabled": True,
            "allowed_actions": "selected",
            "selected_actions_url": "https://example.org",
            "sha_pinning_required": False,
        }
        self.workflow: dict[str, Any] = {
            "default_workflow_permissions": "write",
            "can_approve_pull_request_reviews": True,
        }
        self.environments: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, list[dict[str, Any]]] = {}
        self.rulesets: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = [
            {"id": 900, "name": "bug", "color": "d73a4a", "description": "broken"}
        ]
        self.alerts = False
        self.reporting = False
        self.codeowners: list[dict[str, Any]] = []

        self.reviewers_in_plan = True
        self.rulesets_in_plan = True
        # GitHub takes and tells `can_admins_bypass`, though its reference does not say so.
        self.knows_bypass = True
        self.page = 100
        # Sent with each answer.
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.undocumented: list[str] = []
        # Called with verb, path and the number of the write; an answer of its own, or None.
        self.interfere: Callable[[str, str, int], Answer | bytes | None] = lambda *_: None
        self._ids = iter(range(1000, 10**6))

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.requests if one[0] != "GET"]

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
        # Files alone are read of other repositories too.
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
            jsonschema.validate(body, route.body)
        except jsonschema.ValidationError as error:
            raise DocumentationError(f"{where}: {error.message}") from None

    def _repository(self, **_: Any) -> Answer:
        return 200, self.repository

    def _update_repository(self, *, body: Any, **_: Any) -> Answer:
        self.repository.update(body)
        return 200, self.repository

    def _actions(self, **_: Any) -> Answer:
        return 200, self.actions

    def _put_actions(self, *, body: Any, **_: Any) -> Answer:
        self.actions = {"allowed_actions": "all", "sha_pinning_required": False, **body}
        return 204, None

    def _workflow(self, **_: Any) -> Answer:
        return 200, self.workflow

    def _put_workflow(self, *, body: Any, **_: Any) -> Answer:
        self.workflow.update(body)
        return 204, None

    def _environment(self, name: str, **_: Any) -> Answer:
        found = self.environments.get(name)
        return (200, found) if found else (404, {"message": "Not Found"})

    def _put_environment(self, name: str, *, body: Any, **_: Any) -> Answer:
        body = body or {}
        if not self.reviewers_in_plan and {"reviewers", "wait_timer"} & body.keys():
            return 422, {"message": NO_REVIEWERS}
        reviewers = body.get("reviewers") or []
        known = {("User", n) for n in USERS.values()} | {("Team", n) for n in TEAMS.values()}
        if any((one["type"], one["id"]) not in known for one in reviewers):
            return 422, {"message": "Validation Failed", "errors": ["no such reviewer"]}
        bypass = self.environments.get(name, {}).get("can_admins_bypass", True)
        self.environments[name] = environment(
            name,
            [(one["type"], one["id"]) for one in reviewers],
            self_review=not body.get("prevent_self_review", False),
            wait=body.get("wait_timer", 0),
            policy=body.get("deployment_branch_policy"),
            bypass=body.get("can_admins_bypass", bypass) if self.knows_bypass else None,
        )
        if body.get("deployment_branch_policy") is None:
            self.policies.pop(name, None)
        return 200, self.environments[name]

    def _by_patterns(self, name: str) -> bool:
        policy = self.environments.get(name, {}).get("deployment_branch_policy")
        return bool(policy and policy["custom_branch_policies"])

    def _policies(self, name: str, *, query: dict[str, str], **_: Any) -> Answer:
        if not self._by_patterns(name):
            return 404, {"message": "Not Found"}
        found = self.policies.get(name, [])
        return 200, {"total_count": len(found), "branch_policies": self._paged(found, query)}

    def _add_policy(self, name: str, *, body: Any, **_: Any) -> Answer:
        if not self._by_patterns(name):
            return 404, {"message": "Not Found"}
        if body in [{key: one[key] for key in body} for one in self.policies.get(name, [])]:
            return 303, {"message": "See Other", "url": f"{self.url}/there"}
        added = {"id": next(self._ids), "node_id": "x", "type": "branch", **body}
        self.policies.setdefault(name, []).append(added)
        return 200, added

    def _delete_policy(self, name: str, id: str, **_: Any) -> Answer:
        self.policies[name] = [one for one in self.policies[name] if one["id"] != int(id)]
        return 204, None

    def _rulesets(self, *, query: dict[str, str], **_: Any) -> Answer:
        if not self.rulesets_in_plan:
            return 403, {"message": NO_RULESETS}
        short = [
            {key: one[key] for key in ("id", "name", "target", "enforcement", "source_type")}
            for one in self.rulesets
        ]
        return 200, self._paged(short, query)

    def _ruleset(self, id: str, **_: Any) -> Answer:
        for one in self.rulesets:
            if one["id"] == int(id):
                return 200, one
        return 404, {"message": "Not Found"}

    def _create_ruleset(self, *, body: Any, **_: Any) -> Answer:
        if not self.rulesets_in_plan:
            return 403, {"message": NO_RULESETS}
        own = [one for one in self.rulesets if one["source_type"] == "Repository"]
        if body["name"] in {one["name"] for one in own}:
            return 422, {"message": "Validation Failed", "errors": ["Name must be unique"]}
        added = {"id": next(self._ids), "source_type": "Repository", "source": "octo/shop", **body}
        self.rulesets.append(_with_defaults(added))
        return 201, added

    def _update_ruleset(self, id: str, *, body: Any, **_: Any) -> Answer:
        for one in self.rulesets:
            if one["id"] == int(id):
                one.update(body)
                return 200, _with_defaults(one)
        return 404, {"message": "Not Found"}

    def _codeowners(self, **_: Any) -> Answer:
        return 200, {"errors": self.codeowners}

    def _labels(self, *, query: dict[str, str], **_: Any) -> Answer:
        return 200, self._paged(self.labels, query)

    def _create_label(self, *, body: Any, **_: Any) -> Answer:
        if body["name"].lower() in {one["name"].lower() for one in self.labels}:
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
        self.labels.append({"id": next(self._ids), "description": None, **body})
        return 201, self.labels[-1]

    def _update_label(self, name: str, *, body: Any, **_: Any) -> Answer:
        for one in self.labels:
            if one["name"].lower() == name.lower():
                one["name"] = body.pop("new_name", one["name"])
                one.update(body)
                return 200, one
        return 404, {"message": "Not Found"}

    def _alerts(self, **_: Any) -> Answer:
        return (204, None) if self.alerts else (404, {"message": "disabled"})

    def _enable_alerts(self, **_: Any) -> Answer:
        self.alerts = True
        return 204, None

    def _disable_alerts(self, **_: Any) -> Answer:
        self.alerts = False
        return 204, None

    def _reporting(self, **_: Any) -> Answer:
        if self.repository["private"]:
            return 422, {"message": "private"}
        return 200, {"enabled": self.reporting}

    def _enable_reporting(self, **_: Any) -> Answer:
        self.reporting = True
        return 204, None

    def _disable_reporting(self, **_: Any) -> Answer:
        self.reporting = False
        return 204, None

    def _user(self, login: str, **_: Any) -> Answer:
        name = login.lower()
        if name not in USERS:
            return 404, {"message": "Not Found"}
        return 200, {"login": name, "id": USERS[name], "type": "User"}

    def _team(self, org: str, slug: str, **_: Any) -> Answer:
        if org != "octo" or slug not in TEAMS:
            return 404, {"message": "Not Found"}
        return 200, {"slug": slug, "id": TEAMS[slug]}

    def _paged(self, items: list[Any], query: dict[str, str]) -> list[Any]:
        size = min(int(query.get("per_page", 30)), self.page)
        number = int(query.get("page", 1))
        self._more = number * size < len(items)
        return items[(number - 1) * size : number * size]

    def link(self) -> str | None:
        more, self._more = getattr(self, "_more", False), False
        return '<https://example.org/?page=2>; rel="next"' if more else None


def environment(
    name: str,
    reviewers: list[tuple[str, int]],
    *,
    self_review: bool,
    policy: dict[str, bool] | None,
    wait: int = 0,
    bypass: bool | None = False,
) -> dict[str, Any]:
    """An environment as GitHub answers."""
    rules: list[dict[str, Any]] = [{"id": 5, "node_id": "x", "type": "branch_policy"}]
    if wait:
        rules.append({"id": 6, "node_id": "x", "type": "wait_timer", "wait_timer": wait})
    if reviewers:
        rules.append(
            {
                "id": 7,
                "node_id": "x",
                "type": "required_reviewers",
                "prevent_self_review": not self_review,
                "reviewers": [
                    {"type": kind, "reviewer": _account(kind, number)} for kind, number in reviewers
                ],
            }
        )
    said = {} if bypass is None else {"can_admins_bypass": bypass}
    return {
        "id": 4,
        "name": name,
        "protection_rules": rules,
        "deployment_branch_policy": policy,
        **said,
    }


def _account(kind: str, id: int) -> dict[str, Any]:
    if kind == "Team":
        return {"id": id, "slug": next(slug for slug, known in TEAMS.items() if known == id)}
    return {"id": id, "login": next(name for name, known in USERS.items() if known == id)}


def _with_defaults(ruleset: dict[str, Any]) -> dict[str, Any]:
    """What GitHub adds to a ruleset of its own accord."""
    for rule in ruleset["rules"]:
        if rule["type"] == "pull_request":
            rule["parameters"].setdefault("allowed_merge_methods", ["merge", "squash", "rebase"])
            rule["parameters"].setdefault("required_reviewers", [])
    return {**ruleset, "current_user_can_bypass": "never", "_links": {}}


def serve(github: FakeGitHub) -> tuple[ThreadingHTTPServer, str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            said = github.answer(self.command, self.path, self.headers, self.rfile.read(length))
            status, body = said if isinstance(said, tuple) else (200, said)
            content = (
                body
                if isinstance(body, bytes)
                else b""
                if body is None
                else json.dumps(body).encode()
            )
            try:
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", body["url"])
                for name, value in github.headers.items():
                    self.send_header(name, value)
                if link := github.link():
                    self.send_header("Link", link)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _reply  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    return server, github.url


def finished() -> FakeGitHub:
    """A repository as someone would find it who had set it up by hand, in GitHub's words."""
    github = FakeGitHub()
    github.repository |= {
        "allow_merge_commit": False,
        "allow_rebase_merge": False,
        "delete_branch_on_merge": True,
    }
    github.actions["sha_pinning_required"] = True
    github.workflow = {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    }
    custom = {"protected_branches": False, "custom_branch_policies": True}
    github.environments = {
        "test": environment("test", [], self_review=True, policy=custom, bypass=True),
        "production": environment("production", [("User", 1)], self_review=False, policy=custom),
    }
    main = {"id": 11, "node_id": "x", "name": "main", "type": "branch"}
    github.policies = {
        "test": [dict(main)],
        "production": [dict(main, id=12)],
    }
    github.rulesets = [
        {
            "id": 21,
            "name": "main",
            "target": "branch",
            "source_type": "Repository",
            "source": "octo/shop",
            "enforcement": "active",
            "bypass_actors": [],
            "current_user_can_bypass": "never",
            "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}},
            "rules": [
                {"type": "deletion"},
                {"type": "non_fast_forward"},
                {
                    "type": "required_status_checks",
                    "parameters": {
                        "strict_required_status_checks_policy": True,
                        "do_not_enforce_on_create": False,
                        "required_status_checks": [
                            {"context": "all-green", "integration_id": 15368}
                        ],
                    },
                },
                {
                    "type": "pull_request",
                    "parameters": {
                        "required_approving_review_count": 1,
                        "dismiss_stale_reviews_on_push": True,
                        "require_code_owner_review": True,
                        "require_last_push_approval": True,
                        "required_review_thread_resolution": False,
                        "allowed_merge_methods": ["merge", "squash", "rebase"],
                        "required_reviewers": [],
                    },
                },
            ],
        },
        {
            "id": 22,
            "name": "releases",
            "target": "tag",
            "source_type": "Repository",
            "source": "octo/shop",
            "enforcement": "active",
            "bypass_actors": [],
            "conditions": {"ref_name": {"include": ["refs/tags/v*"], "exclude": []}},
            "rules": [
                {"type": "deletion"},
                {"type": "non_fast_forward"},
                {"type": "update", "parameters": {"update_allows_fetch_and_merge": False}},
            ],
        },
    ]
    github.labels += [
        {
            "id": 31,
            "name": "data",
            "color": "1D76DB",
            "description": "The data or what is expected of it",
        },
        {
            "id": 32,
            "name": "model",
            "color": "5319e7",
            "description": "Features, candidates or training",
        },
        {"id": 33, "name": "gate", "color": "d93f0b", "description": "A gate or its bounds"},
        {
            "id": 34,
            "name": "release",
            "color": "0e8a16",
            "description": "Delivery, release or rollback",
        },
        {
            "id": 35,
            "name": "retraining",
            "color": "fbca04",
            "description": "A new model from new data, proposed by monitoring",
        },
    ]
    github.alerts = github.reporting = True
    return github
