"""The requests that are used, as GitHub's REST reference documents them.

The descriptions come from the reference and not from the client library, so that a difference
between the two is found. An unknown field, path or query is against the documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from support.github.schemas import BOOL, DEPLOYMENT_BODY, STATUS_BODY, TEXT, record

_REPOSITORY = record(
    [],
    name=TEXT,
    description={"type": "string"},
    homepage={"type": "string"},
    visibility={"enum": ["public", "private"]},
    has_issues=BOOL,
    has_projects=BOOL,
    has_wiki=BOOL,
    default_branch=TEXT,
    allow_squash_merge=BOOL,
    allow_merge_commit=BOOL,
    allow_rebase_merge=BOOL,
    allow_auto_merge=BOOL,
    allow_update_branch=BOOL,
    delete_branch_on_merge=BOOL,
    archived=BOOL,
    allow_forking=BOOL,
    web_commit_signoff_required=BOOL,
)
_ACTIONS = record(
    ["enabled"],
    enabled=BOOL,
    allowed_actions={"enum": ["all", "local_only", "selected"]},
    sha_pinning_required=BOOL,
)
_WORKFLOW = record(
    [],
    default_workflow_permissions={"enum": ["read", "write"]},
    can_approve_pull_request_reviews=BOOL,
)
_ENVIRONMENT = record(
    [],
    wait_timer={"type": "integer", "minimum": 0, "maximum": 43_200},
    prevent_self_review=BOOL,
    reviewers={
        "type": ["array", "null"],
        "maxItems": 6,
        "items": record([], type={"enum": ["User", "Team"]}, id={"type": "integer"}),
    },
    deployment_branch_policy={
        "oneOf": [
            {"type": "null"},
            record(
                ["protected_branches", "custom_branch_policies"],
                protected_branches=BOOL,
                custom_branch_policies=BOOL,
            ),
        ]
    },
)
_POLICY = record(["name"], name=TEXT, type={"enum": ["branch", "tag"]})


def _rule(kind: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    if parameters is None:
        return record(["type"], type={"const": kind})
    return record(["type"], type={"const": kind}, parameters=parameters)


_RULE = {
    "oneOf": [
        *map(
            _rule,
            (
                "creation",
                "deletion",
                "required_linear_history",
                "required_signatures",
                "non_fast_forward",
            ),
        ),
        _rule(
            "update",
            record(["update_allows_fetch_and_merge"], update_allows_fetch_and_merge=BOOL),
        ),
        _rule(
            "pull_request",
            record(
                [
                    "dismiss_stale_reviews_on_push",
                    "require_code_owner_review",
                    "require_last_push_approval",
                    "required_approving_review_count",
                    "required_review_thread_resolution",
                ],
                allowed_merge_methods={
                    "type": "array",
                    "items": {"enum": ["merge", "squash", "rebase"]},
                },
                dismiss_stale_reviews_on_push=BOOL,
                require_code_owner_review=BOOL,
                require_last_push_approval=BOOL,
                required_approving_review_count={"type": "integer", "minimum": 0, "maximum": 10},
                required_review_thread_resolution=BOOL,
            ),
        ),
        _rule(
            "required_status_checks",
            record(
                ["required_status_checks", "strict_required_status_checks_policy"],
                do_not_enforce_on_create=BOOL,
                strict_required_status_checks_policy=BOOL,
                required_status_checks={
                    "type": "array",
                    "items": record(["context"], context=TEXT, integration_id={"type": "integer"}),
                },
            ),
        ),
    ]
}
_RULESET = {
    "name": TEXT,
    "target": {"enum": ["branch", "tag", "push"]},
    "enforcement": {"enum": ["disabled", "active", "evaluate"]},
    "bypass_actors": {
        "type": "array",
        "items": record(
            ["actor_type"],
            actor_id={"type": ["integer", "null"]},
            actor_type={
                "enum": [
                    "Integration",
                    "OrganizationAdmin",
                    "RepositoryRole",
                    "Team",
                    "DeployKey",
                    "User",
                ]
            },
            bypass_mode={"enum": ["always", "pull_request", "exempt"]},
        ),
    },
    "conditions": record(
        [],
        ref_name=record(
            [],
            include={"type": "array", "items": TEXT},
            exclude={"type": "array", "items": TEXT},
        ),
    ),
    "rules": {"type": "array", "items": _RULE},
}
_COLOR = {"type": "string", "pattern": "^[0-9A-Fa-f]{6}$"}
_SHORT = {"type": "string", "maxLength": 100}
_COMMENT = record(["body"], body=TEXT | {"maxLength": 65_536})
_CHANGED_RELEASE = record(
    [],
    tag_name=TEXT,
    target_commitish=TEXT,
    name={"type": "string"},
    body={"type": "string"},
    draft=BOOL,
    prerelease=BOOL,
    make_latest={"enum": ["true", "false", "legacy"]},
    discussion_category_name=TEXT,
)
_RELEASE = _CHANGED_RELEASE | {
    "required": ["tag_name"],
    "properties": {**_CHANGED_RELEASE["properties"], "generate_release_notes": BOOL},
}
_SHA = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
_TREE = record(
    ["tree"],
    base_tree=_SHA,
    tree={
        "type": "array",
        "items": record(
            [],
            path=TEXT,
            mode={"enum": ["100644", "100755", "040000", "160000", "120000"]},
            type={"enum": ["blob", "tree", "commit"]},
            sha=_SHA,
            content={"type": "string"},
        ),
    },
)
_NEW_COMMIT = record(
    ["message", "tree"], message=TEXT, tree=_SHA, parents={"type": "array", "items": _SHA}
)
_PULL = {
    "title": {"type": "string"},
    "body": {"type": "string", "maxLength": 65_536},
    "base": TEXT,
    "maintainer_can_modify": BOOL,
}
_PAGES = frozenset({"per_page", "page"})


@dataclass(frozen=True)
class Route:
    verb: str
    path: str
    name: str
    body: dict[str, Any] | None = None
    query: frozenset[str] = frozenset()

    def match(self, verb: str, path: str) -> list[str] | None:
        """The values of the path's `{…}`, still encoded as they were sent."""
        pattern = re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return list(found.groups()) if found and verb == self.verb else None


R = "/repos/{owner}/{repo}"
ENVIRONMENT = R + "/environments/{environment_name}"
POLICIES = ENVIRONMENT + "/deployment-branch-policies"
RUN = R + "/actions/runs/{run_id}"
DEPLOYMENT = R + "/deployments/{deployment_id}"
COMMENTS = R + "/issues/{issue_number}/comments"
ROUTES = [
    Route("GET", R, "repository"),
    Route("PATCH", R, "update_repository", _REPOSITORY),
    Route("GET", R + "/actions/permissions", "actions"),
    Route("PUT", R + "/actions/permissions", "put_actions", _ACTIONS),
    Route("GET", R + "/actions/permissions/workflow", "workflow"),
    Route("PUT", R + "/actions/permissions/workflow", "put_workflow", _WORKFLOW),
    Route("GET", ENVIRONMENT, "environment"),
    Route("PUT", ENVIRONMENT, "put_environment", _ENVIRONMENT),
    Route("GET", POLICIES, "policies", query=_PAGES),
    Route("POST", POLICIES, "add_policy", _POLICY),
    Route("DELETE", POLICIES + "/{branch_policy_id}", "delete_policy"),
    Route("GET", R + "/rulesets", "rulesets", query=_PAGES | {"includes_parents", "targets"}),
    Route("GET", R + "/rulesets/{ruleset_id}", "ruleset", query=frozenset({"includes_parents"})),
    Route("POST", R + "/rulesets", "create_ruleset", record(["name", "enforcement"], **_RULESET)),
    Route("PUT", R + "/rulesets/{ruleset_id}", "update_ruleset", record([], **_RULESET)),
    Route("GET", R + "/codeowners/errors", "codeowners", query=frozenset({"ref"})),
    Route("GET", R + "/labels", "labels", query=_PAGES),
    Route(
        "POST",
        R + "/labels",
        "create_label",
        record(["name"], name=TEXT, color=_COLOR, description=_SHORT),
    ),
    Route(
        "PATCH",
        R + "/labels/{name}",
        "update_label",
        record([], new_name=TEXT, color=_COLOR, description=_SHORT),
    ),
    Route("GET", R + "/vulnerability-alerts", "alerts"),
    Route("PUT", R + "/vulnerability-alerts", "enable_alerts"),
    Route("DELETE", R + "/vulnerability-alerts", "disable_alerts"),
    Route("GET", R + "/private-vulnerability-reporting", "reporting"),
    Route("PUT", R + "/private-vulnerability-reporting", "enable_reporting"),
    Route("DELETE", R + "/private-vulnerability-reporting", "disable_reporting"),
    Route("GET", RUN, "run", query=frozenset({"exclude_pull_requests"})),
    Route("GET", RUN + "/jobs", "jobs", query=_PAGES | {"filter"}),
    Route("GET", RUN + "/artifacts", "artifacts", query=_PAGES | {"name", "direction"}),
    Route("GET", R + "/actions/artifacts", "every_artifact", query=_PAGES | {"name"}),
    Route("GET", R + "/actions/artifacts/{artifact_id}/{archive_format}", "zip"),
    Route("GET", R + "/commits/{commit_sha}/pulls", "pulls_of_commit", query=_PAGES),
    Route(
        "GET",
        R + "/pulls",
        "pulls",
        query=_PAGES | {"state", "head", "base", "sort", "direction"},
    ),
    Route("GET", R + "/pulls/{pull_number}", "pull"),
    Route("GET", R + "/pulls/{pull_number}/files", "files", query=_PAGES),
    Route("GET", R + "/contents/{path}", "content", query=frozenset({"ref"})),
    Route("GET", R + "/contents/.github/{folder}", "content", query=frozenset({"ref"})),
    Route("GET", COMMENTS, "comments", query=_PAGES | {"since"}),
    Route("POST", COMMENTS, "create_comment", _COMMENT),
    Route("PATCH", R + "/issues/comments/{comment_id}", "update_comment", _COMMENT),
    Route("GET", RUN + "/approvals", "approvals"),
    Route(
        "GET",
        R + "/deployments",
        "deployments",
        query=_PAGES | {"sha", "ref", "task", "environment"},
    ),
    Route("POST", R + "/deployments", "create_deployment", DEPLOYMENT_BODY),
    Route("GET", DEPLOYMENT, "deployment"),
    Route("GET", DEPLOYMENT + "/statuses", "statuses", query=_PAGES),
    Route("POST", DEPLOYMENT + "/statuses", "create_status", STATUS_BODY),
    Route("GET", R + "/releases", "releases", query=_PAGES),
    Route("POST", R + "/releases", "create_release", _RELEASE),
    Route("GET", R + "/releases/latest", "latest_release"),
    Route("GET", R + "/releases/tags/{tag}", "release_of_tag"),
    Route("GET", R + "/releases/assets/{asset_id}", "asset"),
    Route("PATCH", R + "/releases/{release_id}", "update_release", _CHANGED_RELEASE),
    Route("DELETE", R + "/releases/{release_id}", "delete_release"),
    Route(
        "GET",
        R + "/attestations/{subject_digest}",
        "attestations",
        query=frozenset({"per_page", "before", "after", "predicate_type"}),
    ),
    Route("GET", R + "/git/ref/tags/{tag}", "tag_ref"),
    Route("GET", R + "/git/tags/{tag_sha}", "annotated"),
    Route("GET", R + "/git/ref/heads/{branch}", "branch_ref"),
    Route(
        "POST",
        R + "/git/blobs",
        "create_blob",
        record(["content"], content={"type": "string"}, encoding={"enum": ["utf-8", "base64"]}),
    ),
    Route("POST", R + "/git/trees", "create_tree", _TREE),
    Route("POST", R + "/git/commits", "create_commit", _NEW_COMMIT),
    Route("GET", R + "/git/commits/{commit_sha}", "git_commit"),
    Route("POST", R + "/git/refs", "create_ref", record(["ref", "sha"], ref=TEXT, sha=_SHA)),
    Route(
        "PATCH",
        R + "/git/refs/heads/{branch}",
        "update_ref",
        record(["sha"], sha=_SHA, force=BOOL),
    ),
    Route(
        "POST",
        R + "/pulls",
        "create_pull",
        record(["head", "base"], head=TEXT, draft=BOOL, **_PULL),
    ),
    Route(
        "PATCH",
        R + "/pulls/{pull_number}",
        "update_pull",
        record([], state={"enum": ["open", "closed"]}, **_PULL),
    ),
    Route(
        "POST",
        R + "/issues/{issue_number}/labels",
        "add_labels",
        record([], labels={"type": "array", "items": TEXT}),
    ),
    Route("GET", R + "/compare/{basehead}", "compare", query=_PAGES),
    Route("GET", "/users/{username}", "user"),
    Route("GET", R + "/collaborators/{username}/permission", "role"),
    Route("GET", "/orgs/{org}/teams/{team_slug}", "team"),
]
