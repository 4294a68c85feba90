"""The part of the fake GitHub that has the settings of the repository and the accounts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

USERS = {"octocat": 1, "hubot": 2, "monalisa": 3, "shop-server[bot]": 4, "shop-team": 5}
TEAMS = {"releasers": 77}
NO_REVIEWERS = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports "
    "the required reviewers protection rule."
)
NO_RULESETS = "Upgrade to GitHub Pro or make this repository public to enable this feature."

Answer = tuple[int, Any]


class FakeSettings:
    url: str
    _ids: Iterator[int]
    _paged: Callable[[list[Any], dict[str, str]], list[Any]]

    def __init__(self) -> None:
        self.repository: dict[str, Any] = {
            "id": 1,
            "name": "shop",
            "full_name": "octo/shop",
            "private": False,
            "default_branch": "main",
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
        self.roles: dict[str, str] = {}
        self.labels: list[dict[str, Any]] = [
            {"id": 900, "name": "bug", "color": "d73a4a", "description": "broken"}
        ]
        self.alerts = False
        self.reporting = False
        self.codeowners: list[dict[str, Any]] = []

        self.reviewers_in_plan = True
        self.rulesets_in_plan = True
        # GitHub accepts and returns `can_admins_bypass`, although its reference lacks it.
        self.knows_bypass = True

    def parameters(self, ruleset: int, kind: str) -> dict[str, Any]:
        """The part of a rule that a test may change: its parameters, or the rule itself if it has
        none.
        """
        rules = self.rulesets[ruleset]["rules"]
        found: dict[str, Any] = next(rule for rule in rules if rule["type"] == kind)
        return found.get("parameters", found)

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
        kind = {"[bot]": "Bot", "-team": "Organization"}.get(name[-5:], "User")
        return 200, {"login": name, "id": USERS[name], "type": kind}

    def _role(self, login: str, **_: Any) -> Answer:
        if login.lower() not in self.roles:
            return 404, {"message": f"{login} is not a user"}
        role = self.roles[login.lower()]
        return 200, {"permission": role, "role_name": role, "user": None}

    def _team(self, org: str, slug: str, **_: Any) -> Answer:
        if org != "octo" or slug not in TEAMS:
            return 404, {"message": "Not Found"}
        return 200, {"slug": slug, "id": TEAMS[slug]}


def environment(
    name: str,
    reviewers: list[tuple[str, int]],
    *,
    self_review: bool,
    policy: dict[str, bool] | None,
    wait: int = 0,
    bypass: bool | None = False,
) -> dict[str, Any]:
    """An environment as GitHub returns it."""
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
    """The fields that GitHub adds to a ruleset."""
    for rule in ruleset["rules"]:
        if rule["type"] == "pull_request":
            rule["parameters"].setdefault("allowed_merge_methods", ["merge", "squash", "rebase"])
            rule["parameters"].setdefault("required_reviewers", [])
    return {**ruleset, "current_user_can_bypass": "never", "_links": {}}


def state(github: FakeSettings) -> dict[str, Any]:
    """A copy of all settings, without the numbers that GitHub gives."""
    kept = ("repository", "actions", "workflow", "environments", "policies", "rulesets", "labels")
    said = {name: _bare(copy.deepcopy(getattr(github, name))) for name in kept}
    return {**said, "alerts": github.alerts, "reporting": github.reporting}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        own = ("id", "node_id", "_links", "current_user_can_bypass", "selected_actions_url")
        return {key: _bare(item) for key, item in value.items() if key not in own}
    if isinstance(value, list):
        return sorted(map(_bare, value), key=lambda one: json.dumps(one, sort_keys=True))
    return value.lower() if isinstance(value, str) else value
