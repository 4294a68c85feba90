"""Set up an empty repository, a partly set-up one and a complete one."""

from __future__ import annotations

import os
import select
import subprocess
import sys

from support.github.fake_settings import state
from support.github.finished import finished
from support.github.place import Before, Place


def test_an_empty_repository_is_set_up_in_one_run(empty: Place) -> None:
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert not empty.github.undocumented
    wanted = state(finished())
    wanted["environments"]["production"]["can_admins_bypass"] = False
    assert state(empty.github) == wanted
    assert "octo/shop: 22 changes to make" in ran.out
    assert "environment production: exists: no, should be yes" in ran.out
    assert ran.out.count("  done: ") == 22
    assert empty.settings("environments")[1]["reviewers"] == [{"user": "octocat"}]
    assert "commit it" in ran.out


def test_protection_comes_before_anything_else(empty: Place) -> None:
    empty.setup("--reviewer", "octocat").went_well()
    paths = [path.removeprefix("/repos/octo/shop") for _, path, _ in empty.github.writes]
    assert paths[:2] == ["/actions/permissions/workflow", "/actions/permissions"]
    assert paths[2:4] == ["/rulesets", "/rulesets"]
    assert paths[4].startswith("/environments/")
    verbs = {(verb, path) for verb, path, _ in empty.github.writes}
    assert ("PUT", "/repos/octo/shop/environments/production") in verbs
    created = next(body for _, path, body in empty.github.writes if path.endswith("/production"))
    assert created == {
        "reviewers": [{"type": "User", "id": 1}],
        "prevent_self_review": True,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }


def test_a_second_run_changes_nothing_and_doctor_agrees(empty: Place) -> None:
    empty.setup("--reviewer", "octocat").went_well()
    empty.github.requests.clear()
    text = empty.toy.text(".github/settings/environments.json")
    for again in ([], ["--reviewer", "OctoCat"]):
        ran = empty.setup(*again).went_well()
        assert ran.out == "octo/shop matches .github/settings: nothing to change\n"
    assert not empty.github.writes
    assert empty.toy.text(".github/settings/environments.json") == text
    assert "matches .github/settings" in empty.doctor().went_well().out
    assert not empty.github.writes
    assert not empty.github.undocumented


def test_a_repository_that_was_finished_by_hand_is_not_changed(before: Before) -> None:
    place = before(finished())
    place.name_reviewers({"user": "OctoCat"})
    assert "nothing to change" in place.setup().went_well().out
    assert "matches .github/settings" in place.doctor().went_well().out
    assert not place.github.writes
    assert not place.github.undocumented


def test_a_partly_set_up_repository_is_completed(before: Before) -> None:
    github = finished()
    github.environments["staging"] = dict(github.environments["test"], name="staging")
    github.policies["production"] += [{"id": 15, "name": "*", "type": "branch"}]
    github.policies["production"] = github.policies["production"][1:]
    github.environments["production"]["protection_rules"].pop()
    github.environments["production"]["protection_rules"].append(
        {"type": "wait_timer", "wait_timer": 30}
    )
    github.rulesets[0]["rules"].pop()
    github.labels[1]["name"] = "Data"
    github.labels[2]["color"] = "000000"
    place = before(github)
    place.name_reviewers({"user": "octocat"}, {"team": "releasers"})
    ran = place.setup().went_well()
    assert "branch *: may deploy, should be refused" in ran.out
    assert "branch main: refused, should be may deploy" in ran.out
    production = github.environments["production"]
    rules = {rule["type"]: rule for rule in production["protection_rules"]}
    assert rules["wait_timer"]["wait_timer"] == 30
    assert [one["reviewer"]["id"] for one in rules["required_reviewers"]["reviewers"]] == [1, 77]
    assert rules["required_reviewers"]["prevent_self_review"]
    assert {one["name"] for one in github.policies["production"]} == {"main"}
    assert {one["name"] for one in github.labels} >= {"bug", "data", "model"}
    assert "staging" in github.environments
    assert len(github.rulesets) == 2
    assert not github.undocumented
    github.requests.clear()
    place.setup().went_well()
    assert not github.writes


def test_a_dry_run_shows_the_same_and_writes_nothing(empty: Place) -> None:
    ran = empty.setup("--dry-run", "--reviewer", "octocat").went_well()
    assert "22 changes to make" in ran.out
    assert "dry run: nothing was changed" in ran.out
    assert not empty.github.writes
    assert empty.settings("environments")[1]["reviewers"] == []


def test_a_list_of_several_pages_is_read_to_its_end(before: Before) -> None:
    github = finished()
    github.labels = [
        {"id": n, "name": f"z{n}", "color": "000000", "description": None} for n in range(120)
    ] + github.labels
    extra = [dict(github.rulesets[0], id=500 + n, name=f"other {n}") for n in range(5)]
    github.rulesets = extra + github.rulesets
    github.page = 2
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    place.doctor().went_well()
    place.setup().went_well()
    assert not github.writes


def test_names_of_files_are_encoded_in_paths(before: Before) -> None:
    github = finished()
    place = before(github)
    environments = place.settings("environments")
    environments[0]["name"] = "test/../a b?c#d%2e"
    for one in environments[1:3]:
        one["reviewers"] = [{"user": "octocat"}]
    place.write("environments", environments)
    labels = place.settings("labels")
    labels[0]["name"] = "a/b c"
    place.write("labels", labels)
    github.labels.append({"id": 50, "name": "A/b c", "color": "000000", "description": None})
    place.setup().went_well()
    assert not github.undocumented
    assert "test/../a b?c#d%2e" in github.environments
    assert github.policies["test/../a b?c#d%2e"][0]["name"] == "main"
    assert github.labels[-1]["name"] == "a/b c"
    github.requests.clear()
    place.setup().went_well()
    assert not github.writes


def test_an_environment_that_a_deployment_has_made_is_closed(before: Before) -> None:
    """GitHub creates such an environment unprotected, and lists no patterns for an environment that
    does not use them.
    """
    github = finished()
    github.environments["test"]["deployment_branch_policy"] = None
    protected = {"protected_branches": True, "custom_branch_policies": False}
    github.environments["production"]["deployment_branch_policy"] = protected
    github.policies.clear()
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.doctor()
    assert ran.status == 1
    assert "drift: environment test: what may deploy: every branch, should be" in ran.out
    assert "drift: environment production: what may deploy: protected branches" in ran.out
    assert "could not be checked" not in ran.out
    place.setup().went_well()
    place.doctor().went_well()


def test_the_plan_is_readable_through_a_pipe_before_anything_is_changed(empty: Place) -> None:
    readable: list[bytes] = []

    def look(verb: str, path: str, number: int) -> None:
        if number == 1 and not readable:
            ready, _, _ = select.select([running.stdout], [], [], 5)
            readable.append(os.read(running.stdout.fileno(), 65_536) if ready else b"")

    empty.github.interfere = look
    empty.name_reviewers({"user": "octocat"})
    environment = empty.toy.environment(**empty.environment(PYTHONUNBUFFERED=""))
    command = [sys.executable, "-m", "sluice.cli", "github", "setup"]
    with subprocess.Popen(
        command, cwd=empty.toy.root, env=environment, stdout=subprocess.PIPE
    ) as running:
        running.wait(60)
    assert running.returncode == 0
    assert b"octo/shop: 22 changes to make" in readable[0]
    assert b"label retraining: exists: no" in readable[0]


def test_a_ruleset_of_the_organisation_is_not_the_repository_s(before: Before) -> None:
    github = finished()
    github.rulesets[0]["source_type"] = "Organization"
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.doctor()
    assert (ran.status, "ruleset main: exists: no" in ran.out) == (1, True)
    place.setup().went_well()
    own = [(one["name"], one["source_type"]) for one in github.rulesets]
    assert ("main", "Repository") in own
    assert ("PUT", "/repos/octo/shop/rulesets/21") not in {one[:2] for one in github.writes}
    place.doctor().went_well()
