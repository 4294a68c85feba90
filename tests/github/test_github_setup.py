"""The set-up from an empty repository, a half-done one and a finished one."""

from __future__ import annotations

import copy
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from sluice import cli
from support.fixture_project import Ran
from support.github.fake_github import TOKEN, FakeGitHub, finished
from support.github.place import Place

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
    assert "octo/shop: to change: 17" in ran.out
    assert "environment production: is: missing, should be there" in ran.out
    assert ran.out.count("  done: ") == 17
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
    assert "to change: 17" in ran.out
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
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
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
    for failing in range(1, 18):
        vars(empty.github).update(copy.deepcopy(fresh))
        empty.github.interfere = lambda verb, path, number, failing=failing: (
            (500, {"message": "sorry"}) if verb != "GET" and number == failing else None
        )
        ran = _in_process(empty, monkeypatch, capsys)
        assert ran.status == 2, failing
        assert f"{failing - 1} of 17 changes are done" in ran.line
        assert "GitHub answers 500: sorry" in ran.line
        assert ran.out.count("  done: ") == failing - 1
        assert ran.out.count("  failed: ") == 1
        assert ran.out.count("  not tried: ") == 17 - failing
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
    assert "6 of 17 changes are done, run it again to go on" in ran.line
    empty.github.interfere = lambda *_: None
    empty.setup().went_well()
    empty.doctor().went_well()


def test_an_answer_that_does_not_come_leaves_it_open_whether_it_was_done(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty.name_reviewers({"user": "octocat"})
    monkeypatch.setattr("sluice.github.api.connection._SECONDS", 0.3)

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

    monkeypatch.setattr("sluice.github.api.client.Client.create_ruleset", interrupt)
    ran = _in_process(empty, monkeypatch, capsys)
    assert ran.status == 130
    assert ran.out.count("  done: ") == 2
    assert "  failed: ruleset main (is): interrupted" in ran.out
    assert ran.out.count("  not tried: ") == 14


def test_reviewers_must_be_named(empty: Place) -> None:
    ran = empty.setup()
    assert ran.status == 2
    assert "environments.json names nobody who approves (production)" in ran.line
    assert "--reviewer LOGIN" in ran.line
    assert not empty.github.requests


def test_a_reviewer_who_does_not_exist_stops_it_before_any_change(empty: Place) -> None:
    ran = empty.setup("--reviewer", "octocat", "--reviewer", "nobody-here")
    assert ran.status == 2
    assert "GitHub knows no user 'nobody-here'" in ran.line
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
    note = "note: environment production: administrators: not told by GitHub: look under Settings"
    again = empty.setup().went_well()
    assert again.out.splitlines() == [
        "octo/shop is as the files say: nothing to change",
        f"  {note}, Environments",
    ]
    assert not empty.github.writes
    assert f"{note}, Environments\n" in empty.doctor().went_well().out
    assert "note" not in empty.doctor("--only", "repository").went_well().out


def test_a_server_that_will_not_forbid_the_bypass_leaves_it_to_a_person(empty: Place) -> None:
    def strict(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        body = empty.github.requests[-1][2] or {}
        return (422, {"message": "unknown key"}) if "can_admins_bypass" in body else None

    empty.github.interfere = strict
    ran = empty.setup("--reviewer", "octocat").went_well()
    said = "by hand: environment production: administrators: GitHub answers 422: unknown key: on "
    assert said in ran.out
    assert "administrators: may bypass it, should be may not bypass it" in empty.doctor().out


def test_a_plan_without_reviewers_is_told_so_and_the_rest_is_set_up(empty: Place) -> None:
    empty.github.repository["private"] = True
    empty.github.reviewers_in_plan = False
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "need GitHub Enterprise" in ran.out
    assert "The weaker way: ask for each release in a pull request" in ran.out
    assert ran.line == "refused: environment production, see above"
    assert ran.out.count("not tried: environment production") == 2
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


def test_an_environment_that_a_deployment_has_made_is_closed(before: Before) -> None:
    """GitHub makes it unprotected, and lists no patterns where it does not go by them."""
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


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_a_failure_does_not_print_what_a_name_from_github_holds(
    before: Before, debug: tuple[str, ...]
) -> None:
    github = finished()
    github.policies["production"].append({"id": 9, "name": f"a\x1b[2J{TOKEN}", "type": "branch"})
    github.interfere = lambda verb, path, number: (
        (500, {"message": "sorry"}) if verb == "DELETE" else None
    )
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    given = {"GITHUB_API_URL": place.url, "GITHUB_REPOSITORY": "octo/shop", "GITHUB_TOKEN": TOKEN}
    ran = place.toy.sluice(*debug, "github", "setup", **given)
    assert ran.status != 0
    assert "stopped at environment production (branch a [2J***)" in ran.err
    assert TOKEN not in ran.said
    assert "\x1b" not in ran.said


TOOK = "GitHub took the requests, but is not as the files say: "


def test_what_is_answered_and_not_done_is_not_taken_for_done(empty: Place) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (200, b"<html>done</html>") if (verb, path[-7:]) == ("POST", "/labels") else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    names = ("data", "model", "gate", "release", "retraining")
    assert ran.line == TOOK + ", ".join(f"label {name} (is)" for name in names)
    empty.github.interfere = lambda *_: None
    empty.setup().went_well()


def test_a_server_that_ignores_a_field_is_not_taken_for_set_up(empty: Place) -> None:
    def old(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        ignored = verb == "PUT" and path.endswith("/actions/permissions")
        return (204, None) if ignored else None

    empty.github.interfere = old
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert ran.line == f"{TOOK}actions (sha_pinning_required)"


def test_what_cannot_be_looked_at_again_is_not_fine(empty: Place) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (500, {"message": "oops"}) if verb == "GET" and number == 17 and "labels" in path else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert (ran.status, ran.line) == (2, "not everything could be read: labels")


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_what_is_refused_for_good_does_not_hold_up_the_rest(empty: Place, status: int) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (status, {"message": "never"})
        if verb != "GET" and path.endswith(("/production", "/private-vulnerability-reporting"))
        else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert ran.line == "refused: environment production, repository, see above"
    assert f"  refused: environment production (is): GitHub answers {status}: never" in ran.out
    assert ran.out.count("  not tried: environment production") == 2
    assert ran.out.count("  done: ") == 13
    assert "weaker way" not in ran.out
    assert len(empty.github.rulesets) == 2
    assert {"data", "retraining"} <= {one["name"] for one in empty.github.labels}
    empty.github.interfere = lambda *_: None
    empty.setup().went_well()
    assert state(empty.github) == state(finished())


@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        ((401, {"message": "no"}), {}),
        ((403, {"message": "You have exceeded a secondary rate limit"}), {}),
        ((403, {"message": "no"}), {"Retry-After": "60"}),
        ((403, {"message": "no"}), {"X-RateLimit-Remaining": "0"}),
        ((429, {"message": "no"}), {}),
        ((503, {"message": "no"}), {}),
    ],
)
def test_what_the_next_request_would_meet_too_stops_at_once(
    empty: Place, answer: tuple[int, Any], headers: dict[str, str]
) -> None:
    empty.github.interfere = lambda verb, path, number: answer if verb != "GET" else None
    empty.github.headers = headers
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "0 of 17 changes are done, run it again to go on" in ran.line
    assert ran.out.count("  not tried: ") == 16
    assert ("too many requests" in ran.line) == (answer[0] in (403, 429))


def test_the_plan_is_readable_through_a_pipe_before_anything_is_changed(empty: Place) -> None:
    readable: list[bytes] = []

    def look(verb: str, path: str, number: int) -> None:
        if number == 1 and not readable:
            ready, _, _ = select.select([running.stdout], [], [], 5)
            readable.append(os.read(running.stdout.fileno(), 65_536) if ready else b"")

    empty.github.interfere = look
    empty.name_reviewers({"user": "octocat"})
    given = {"GITHUB_API_URL": empty.url, "GITHUB_REPOSITORY": "octo/shop", "GITHUB_TOKEN": TOKEN}
    environment = {**empty.toy.environment(**given), "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "sluice.cli", "github", "setup"]
    with subprocess.Popen(
        command, cwd=empty.toy.root, env=environment, stdout=subprocess.PIPE
    ) as running:
        running.wait(60)
    assert running.returncode == 0
    assert b"octo/shop: to change: 17" in readable[0]
    assert b"label retraining: is: missing" in readable[0]


def test_a_dry_run_shows_what_it_can_before_anyone_is_named(empty: Place) -> None:
    ran = empty.setup("--dry-run")
    assert ran.status == 2
    assert "to change: 17" in ran.out
    assert "dry run: nothing was changed" in ran.out
    assert ran.line == empty.setup().line
    assert "names nobody who approves (production)" in ran.line
    assert not empty.github.writes


@pytest.mark.parametrize("status", [404, 422])
def test_a_switch_that_github_does_not_tell_of_is_a_note(empty: Place, status: int) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (status, {"message": "no"}) if path.endswith("/private-vulnerability-reporting") else None
    )
    note = "note: repository: private_vulnerability_reporting: not told by GitHub: look under"
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert f"  {note}" in ran.out
    assert "done: repository (vulnerability_alerts)" in ran.out
    assert note in empty.doctor().went_well().out
    assert "note" not in empty.doctor("--only", "labels").went_well().out


def test_a_ruleset_of_the_organisation_is_not_the_repository_s(before: Before) -> None:
    github = finished()
    github.rulesets[0]["source_type"] = "Organization"
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.doctor()
    assert (ran.status, "ruleset main: is: missing" in ran.out) == (1, True)
    place.setup().went_well()
    own = [(one["name"], one["source_type"]) for one in github.rulesets]
    assert ("main", "Repository") in own
    assert ("PUT", "/repos/octo/shop/rulesets/21") not in {one[:2] for one in github.writes}
    place.doctor().went_well()


def test_an_archived_repository_is_named_before_anything_is_tried(before: Before) -> None:
    github = finished()
    github.repository["archived"] = True
    github.labels.clear()
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.setup()
    assert ran.status == 2
    assert ran.line == "octo/shop is archived: unarchive it first, under Settings"
    assert not github.writes
    ran = place.doctor()
    assert ran.status == 1
    assert ran.out.startswith("drift: repository: archived: ")


def test_a_pattern_that_is_there_already_is_no_failure(before: Before) -> None:
    """GitHub answers 303 to one that it has, such as one that was added meanwhile."""
    github = finished()

    def late(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        listed = verb == "GET" and "production/deployment-branch-policies" in path
        return (200, {"branch_policies": []}) if listed and number == 0 else None

    github.interfere = late
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.setup().went_well()
    assert "done: environment production (branch main)" in ran.out
    assert len(github.policies["production"]) == 1


def test_a_pattern_that_github_gives_no_number_is_left_to_a_person(before: Before) -> None:
    github = finished()
    github.policies["production"].append({"name": "*", "type": "branch"})
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.setup().went_well()
    assert "by hand: environment production: branch *: GitHub does not tell its number" in ran.out
    assert place.doctor().status == 1
