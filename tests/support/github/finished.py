"""A fake GitHub on which the repository is set up."""

from __future__ import annotations

from support.github.fake_github import FakeGitHub
from support.github.fake_settings import environment


def finished() -> FakeGitHub:
    """A repository that was set up by hand, in GitHub's format."""
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
        "canary": environment("canary", [("User", 1)], self_review=False, policy=custom),
        "publish": environment("publish", [], self_review=True, policy=custom, bypass=True),
    }
    main = {"id": 11, "node_id": "x", "name": "main", "type": "branch"}
    github.policies = {
        "test": [dict(main)],
        "production": [dict(main, id=12)],
        "publish": [dict(main, id=13)],
        "canary": [dict(main, id=14)],
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
