"""The set-up from an empty repository, a half-done one and a finished one."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_github import FakeGitHub, finished
from place import Place

from fixture_project import Ran
from sluice import cli

Before = Callable[[FakeGitHub], Place]


def state(github: FakeGitHub) -> dict[str, Any]:
    """All that GitHub keeps, without the numbers that it gives."""
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


def test_an_empty_repository_is_set_up_in_one_run(empty: Place) -> None:
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert not empty.github.undocumented
    wanted = state(finished())
    wanted["environments"]["production"]["can_admins_bypass"] = False
    assert state(empty.github) == wanted
    assert "octo/shop: to change: 18" in ran.out
    assert "environment production: is: missing, should be there" in ran.out
    assert ran.out.count("  done: ") == 18
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
        assert ran.out == "octo/shop is as the files say: nothing to change\n"
    assert not empty.github.writes
    assert empty.toy.text(".github/settings/environments.json") == text
    assert "as the files say" in empty.doctor().went_well().out
    assert not empty.github.writes
    assert not empty.github.undocumented


def test_a_repository_that_was_finished_by_hand_is_left_alone(before: Before) -> None:
    place = before(finished())
    place.name_reviewers({"user": "OctoCat"})
    assert "nothing to change" in place.setup().went_well().out
    assert "as the files say" in place.doctor().went_well().out
    assert not place.github.writes
    assert not place.github.undocumented


def test_a_half_done_repository_is_completed_and_the_rest_left(before: Before) -> None:
    github = finished()
    github.environments["staging"] = dict(github.environments["test"], name="staging")
    github.policies["production"] += [{"id": 14, "name": "*", "type": "branch"}]
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
    assert "tag v*: refused, should be may deploy" in ran.out
    production = github.environments["production"]
    rules = {rule["type"]: rule for rule in production["protection_rules"]}
    assert rules["wait_timer"]["wait_timer"] == 30
    assert [one["reviewer"]["id"] for one in rules["required_reviewers"]["reviewers"]] == [1, 77]
    assert rules["required_reviewers"]["prevent_self_review"]
    assert {one["name"] for one in github.policies["production"]} == {"main", "v*"}
    assert {one["name"] for one in github.labels} >= {"bug", "data", "model"}
    assert "staging" in github.environments
    assert len(github.rulesets) == 2
    assert not github.undocumented
    github.requests.clear()
    place.setup().went_well()
    assert not github.writes


def test_a_dry_run_shows_the_same_and_writes_nothing(empty: Place) -> None:
    ran = empty.setup("--dry-run", "--reviewer", "octocat").went_well()
    assert "to change: 18" in ran.out
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
    environments[1]["reviewers"] = [{"user": "octocat"}]
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


def _in_process(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ran:
    monkeypatch.chdir(place.toy.root)
    monkeypatch.setenv("GITHUB_API_URL", place.url)
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_s3cretS3cretS3cretS3cretS3cret0000")
    capsys.readouterr()
    status = cli.main(["github", "setup", "--repo", "octo/shop"])
    said = capsys.readouterr()
    return Ran(status, said.out, said.err)


def test_a_failure_at_any_write_says_what_is_done_and_the_next_run_completes(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty.name_reviewers({"user": "octocat"})
    fresh = {
        name: copy.deepcopy(value)
        for name, value in vars(empty.github).items()
        if isinstance(value, (dict, list, bool))
    }
    for failing in range(1, 19):
        vars(empty.github).update(copy.deepcopy(fresh))
        empty.github.interfere = lambda verb, path, number, failing=failing: (
            (500, {"message": "sorry"}) if verb != "GET" and number == failing else None
        )
        ran = _in_process(empty, monkeypatch, capsys)
        assert ran.status == 2, failing
        assert f"{failing - 1} of 18 changes are done" in ran.line
        assert "GitHub answers 500: sorry" in ran.line
        assert ran.out.count("  done: ") == failing - 1
        assert ran.out.count("  failed: ") == 1
        assert ran.out.count("  not tried: ") == 18 - failing
        empty.github.interfere = lambda *_: None
        assert _in_process(empty, monkeypatch, capsys).status == 0
        assert state(empty.github) == state(finished())
        assert not empty.github.undocumented


def test_a_failure_half_way_through_the_real_command(empty: Place) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (500, {"message": "sorry"}) if verb != "GET" and number == 7 else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "6 of 18 changes are done, run it again to go on" in ran.line
    empty.github.interfere = lambda *_: None
    empty.setup().went_well()
    empty.doctor().went_well()


def test_an_answer_that_does_not_come_leaves_it_open_whether_it_was_done(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty.name_reviewers({"user": "octocat"})
    monkeypatch.setattr("sluice.github.connection._SECONDS", 0.3)

    def late(verb: str, path: str, number: int) -> None:
        if number == 1:
            time.sleep(1.5)

    empty.github.interfere = late
    ran = _in_process(empty, monkeypatch, capsys)
    assert ran.status == 2
    assert "whether it took effect is not known" in ran.line


def test_a_write_that_is_sent_elsewhere_is_not_taken_for_done(empty: Place) -> None:
    elsewhere = {"message": "Moved Permanently", "url": "/repos/octo/shop"}
    empty.github.interfere = lambda verb, path, number: (301, elsewhere) if verb == "POST" else None
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "stopped at ruleset main (is): GitHub answers 301: Moved Permanently" in ran.line
    assert "has the repository moved?" in ran.line


def test_an_interrupted_run_says_what_is_done(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty.name_reviewers({"user": "octocat"})

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sluice.github.client.Client.create_ruleset", interrupt)
    ran = _in_process(empty, monkeypatch, capsys)
    assert ran.status == 130
    assert ran.out.count("  done: ") == 2
    assert "  failed: ruleset main (is): interrupted" in ran.out
    assert ran.out.count("  not tried: ") == 15


def test_reviewers_must_be_named(empty: Place) -> None:
    ran = empty.setup()
    assert ran.status == 2
    assert "environments.json names nobody who approves (production)" in ran.line
    assert "--reviewer LOGIN" in ran.line
    assert not empty.github.requests


def test_a_reviewer_who_does_not_exist_stops_it_before_any_change(empty: Place) -> None:
    ran = empty.setup("--reviewer", "octocat", "--reviewer", "nobody-here")
    assert ran.status == 2
    assert "reviewer nobody-here: GitHub knows no such" in ran.line
    assert not empty.github.writes
    assert empty.settings("environments")[1]["reviewers"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["octocat", "OctoCat"], "at most 6 different people"),
        (["a", "b", "c", "d", "e", "f", "g"], "at most 6 different people"),
        ([""], "expected a login"),
        (["octo/releasers"], "a team goes into"),
    ],
)
def test_odd_reviewers_are_refused(empty: Place, given: list[str], words: str) -> None:
    options = [part for login in given for part in ("--reviewer", login)]
    ran = empty.setup(*options)
    assert (ran.status, words in ran.line) == (2, True)
    assert not empty.github.requests


def test_reviewers_that_the_file_names_are_changed_in_the_file(empty: Place) -> None:
    empty.name_reviewers({"user": "hubot"})
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "names other reviewers already: change them there" in ran.line


def test_only_the_documented_is_sent_to_a_server_that_knows_no_more(empty: Place) -> None:
    empty.github.knows_bypass = False
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert not empty.github.undocumented
    assert "by hand: environment production" in ran.out
    assert "Allow administrators to bypass" in ran.out
    empty.github.requests.clear()
    empty.setup().went_well()
    assert not empty.github.writes
    refused = empty.doctor()
    assert refused.status == 1
    assert "administrators: not told by GitHub, should be may not bypass it" in refused.out


def test_a_server_that_will_not_forbid_the_bypass_leaves_it_to_a_person(empty: Place) -> None:
    def strict(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        body = empty.github.requests[-1][2] or {}
        return (422, {"message": "unknown key"}) if "can_admins_bypass" in body else None

    empty.github.interfere = strict
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert "by hand: environment production" in ran.out
    assert "administrators: may bypass it, should be may not bypass it" in empty.doctor().out


def test_a_plan_without_reviewers_is_told_so_and_the_rest_is_set_up(empty: Place) -> None:
    empty.github.repository["private"] = True
    empty.github.reviewers_in_plan = False
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "need GitHub Enterprise" in ran.out
    assert "The weaker way: ask for each release in a pull request" in ran.out
    assert "environment production: not possible here" in ran.line
    assert ran.out.count("not tried: environment production") == 3
    assert "test" in empty.github.environments
    assert {"data", "retraining"} <= {one["name"] for one in empty.github.labels}
    assert not empty.github.undocumented
    refused = empty.doctor()
    assert refused.status == 1
    assert "need GitHub Enterprise" in refused.out


def test_a_plan_without_rulesets_is_told_so_and_the_rest_is_set_up(empty: Place) -> None:
    empty.github.repository["private"] = True
    empty.github.rulesets_in_plan = False
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "rulesets need GitHub Pro, Team or Enterprise" in ran.out
    assert "not everything could be read: rulesets" in ran.line
    assert empty.github.alerts
    refused = empty.doctor()
    assert refused.status == 1
    assert "could not be checked: rulesets" in refused.out
