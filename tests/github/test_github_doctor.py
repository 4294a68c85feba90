"""Every kind of difference from the files is reported, and every setting that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.github.fake_github import FakeGitHub
from support.github.fake_settings import environment
from support.github.finished import finished
from support.github.place import Before, Place

Spoil = Callable[[FakeGitHub], object]

CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def _production(github: FakeGitHub, **changed: Any) -> None:
    given: dict[str, Any] = {
        "reviewers": [("User", 1)],
        "self_review": False,
        "policy": CUSTOM,
        **changed,
    }
    github.environments["production"] = environment("production", **given)


def _drop_rule(github: FakeGitHub, ruleset: int, kind: str) -> None:
    rules = github.rulesets[ruleset]["rules"]
    github.rulesets[ruleset]["rules"] = [rule for rule in rules if rule["type"] != kind]


def _no_check(github: FakeGitHub) -> None:
    github.parameters(0, "required_status_checks")["required_status_checks"] = [
        {"context": "lint", "integration_id": 15368}
    ]


ATTACKS: dict[str, tuple[Spoil, str]] = {
    "environment gone": (
        lambda g: g.environments.pop("production"),
        "environment production: exists: no, should be yes",
    ),
    "reviewers removed": (
        lambda g: _production(g, reviewers=[]),
        "environment production: reviewers: none, should be octocat",
    ),
    "another reviewer": (
        lambda g: _production(g, reviewers=[("User", 1), ("User", 2)]),
        "environment production: reviewers: octocat, hubot, should be octocat",
    ),
    "self-review": (
        lambda g: _production(g, self_review=True),
        "environment production: approval by the person who started the run: allowed, should be "
        "forbidden",
    ),
    "any branch": (
        lambda g: _production(g, policy=None),
        "environment production: what may deploy: every branch, should be branch main",
    ),
    "protected branches": (
        lambda g: _production(
            g, policy={"protected_branches": True, "custom_branch_policies": False}
        ),
        "environment production: what may deploy: protected branches (every branch if",
    ),
    "a pattern for all": (
        lambda g: g.policies["production"].append({"id": 9, "name": "*", "type": "branch"}),
        "environment production: branch *: may deploy, should be refused",
    ),
    "a branch that is called like the tags": (
        lambda g: g.policies["production"].append({"id": 9, "name": "v*", "type": "tag"}),
        "environment production: tag v*: may deploy, should be refused",
    ),
    "admins bypass": (
        lambda g: _production(g, bypass=True),
        "environment production: bypass by administrators: allowed, should be forbidden",
    ),
    "ruleset gone": (
        lambda g: g.rulesets.pop(0),
        "ruleset main: exists: no, should be yes",
    ),
    "ruleset off": (
        lambda g: g.rulesets[0].update(enforcement="disabled"),
        "ruleset main: enforcement: disabled, should be active",
    ),
    "ruleset only looks on": (
        lambda g: g.rulesets[0].update(enforcement="evaluate"),
        "ruleset main: enforcement: evaluate, should be active",
    ),
    "ruleset with a way around": (
        lambda g: g.rulesets[0].update(
            bypass_actors=[{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
        ),
        "ruleset main: who may bypass it: RepositoryRole 5 always, should be none",
    ),
    "silent about ways around": (
        lambda g: g.rulesets[0].pop("bypass_actors"),
        "ruleset main: who may bypass it: not given by GitHub, should be none",
    ),
    "ruleset for another branch": (
        lambda g: g.rulesets[0]["conditions"]["ref_name"].update(include=["refs/heads/other"]),
        "ruleset main: include: refs/heads/other, should be refs/heads/main",
    ),
    "main excepted": (
        lambda g: g.rulesets[0]["conditions"]["ref_name"].update(exclude=["refs/heads/main"]),
        "ruleset main: exclude: refs/heads/main, should be none",
    ),
    "all-green not required": (
        _no_check,
        "ruleset main: required_status_checks: required_status_checks: lint of app 15368, "
        "should be all-green of app 15368",
    ),
    "all-green by any app": (
        lambda g: g.parameters(0, "required_status_checks")["required_status_checks"][0].update(
            integration_id=1
        ),
        "ruleset main: required_status_checks: required_status_checks: all-green of app 1, "
        "should be all-green of app 15368",
    ),
    "no checks at all": (
        lambda g: _drop_rule(g, 0, "required_status_checks"),
        "ruleset main: rule required_status_checks: missing, should be present",
    ),
    "stale branches merge": (
        lambda g: g.parameters(0, "required_status_checks").update(
            strict_required_status_checks_policy=False
        ),
        "strict_required_status_checks_policy: off, should be on",
    ),
    "code owners not asked": (
        lambda g: g.parameters(0, "pull_request").update(require_code_owner_review=False),
        "ruleset main: pull_request: require_code_owner_review: off, should be on",
    ),
    "no approval": (
        lambda g: g.parameters(0, "pull_request").update(required_approving_review_count=0),
        "ruleset main: pull_request: required_approving_review_count: 0, should be 1",
    ),
    "force push": (
        lambda g: _drop_rule(g, 0, "non_fast_forward"),
        "ruleset main: rule non_fast_forward: missing, should be present",
    ),
    "tag ruleset gone": (
        lambda g: g.rulesets.pop(1),
        "ruleset releases: exists: no, should be yes",
    ),
    "tags may follow upstream": (
        lambda g: next(r for r in g.rulesets[1]["rules"] if r["type"] == "update").update(
            parameters={"update_allows_fetch_and_merge": True}
        ),
        "ruleset releases: update: update_allows_fetch_and_merge: on, should be off",
    ),
    "tags may move": (
        lambda g: _drop_rule(g, 1, "update"),
        "ruleset releases: rule update: missing, should be present",
    ),
    "a pattern without a name": (
        lambda g: g.policies["production"].append({"id": 9, "node_id": "x"}),
        "environment production: branch pattern without a name: may deploy, should be refused",
    ),
    "a reviewer without a name": (
        lambda g: g.environments["production"]["protection_rules"][-1]["reviewers"].append({}),
        "environment production: reviewers: octocat, a reviewer whom GitHub does not name, should",
    ),
    "token writes": (
        lambda g: g.workflow.update(default_workflow_permissions="write"),
        "actions: default_workflow_permissions: write, should be read",
    ),
    "workflows approve": (
        lambda g: g.workflow.update(can_approve_pull_request_reviews=True),
        "actions: can_approve_pull_request_reviews: on, should be off",
    ),
    "no pins": (
        lambda g: g.actions.update(sha_pinning_required=False),
        "actions: sha_pinning_required: off, should be on",
    ),
    "silent about pins": (
        lambda g: g.actions.pop("sha_pinning_required"),
        "actions: sha_pinning_required: not given by GitHub, should be on",
    ),
    "alerts off": (
        lambda g: setattr(g, "alerts", False),
        "repository: vulnerability_alerts: off, should be on",
    ),
    "nobody can report": (
        lambda g: setattr(g, "reporting", False),
        "repository: private_vulnerability_reporting: off, should be on",
    ),
    "merge commits": (
        lambda g: g.repository.update(allow_merge_commit=True),
        "repository: allow_merge_commit: on, should be off",
    ),
    "label gone": (
        lambda g: g.labels.pop(1),
        "label data: exists: no, should be yes",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_drift_is_refused_and_named(whole: Place, attack: str) -> None:
    spoil, words = ATTACKS[attack]
    spoil(whole.github)
    ran = whole.doctor()
    assert ran.status == 1, ran.said
    drifts = [line for line in ran.out.splitlines() if line.startswith("drift: ")]
    assert any(words in line for line in drifts), ran.out
    assert len(drifts) == len(ran.out.splitlines())
    assert ran.line == "refused: the repository does not match .github/settings, see above"
    assert not whole.github.writes
    assert not whole.github.undocumented


@pytest.mark.parametrize("gone", [True, False])
def test_doctor_accepts_what_setup_has_fixed(whole: Place, gone: bool) -> None:
    contradictory = ("no checks at all", "tag ruleset gone")
    for attack, (spoil, _) in ATTACKS.items():
        if ("gone" in attack) == gone and attack not in contradictory and "silent" not in attack:
            spoil(whole.github)
    assert whole.doctor().status == 1
    whole.setup().went_well()
    whole.doctor().went_well()
    assert not whole.github.undocumented


def test_reviewers_that_nobody_named_are_drift(before: Before) -> None:
    place = before(finished())
    ran = place.doctor()
    assert ran.status == 1
    assert "environments.json: production: no reviewers are named" in ran.out


def test_one_part_is_compared_alone(whole: Place) -> None:
    whole.github.labels.clear()
    whole.github.workflow["default_workflow_permissions"] = "write"
    whole.doctor("--only", "environments", "--only", "rulesets").went_well()
    assert not any("labels" in path or "/actions" in path for _, path, _ in whole.github.requests)
    assert whole.doctor("--only", "labels").status == 1


def test_a_missing_environment_of_a_private_repository_names_the_weaker_way(whole: Place) -> None:
    whole.github.repository["private"] = True
    whole.github.environments.pop("production")
    ran = whole.doctor()
    assert ran.status == 1
    assert "private: on a private repository, reviewers of an environment need" in ran.out


@pytest.mark.parametrize("parameters", [None, {"update_allows_fetch_and_merge": False}])
def test_two_ways_to_say_that_tags_stay(whole: Place, parameters: object) -> None:
    update = next(r for r in whole.github.rulesets[1]["rules"] if r["type"] == "update")
    update["parameters"] = parameters
    whole.doctor("--only", "rulesets").went_well()
