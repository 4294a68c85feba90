"""Each way in which a repository can come apart from the files, and each way not to know."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.github.settings import desired
from support.github.fake_github import TOKEN, FakeGitHub, environment, finished
from support.github.place import Place

Before = Callable[[FakeGitHub], Place]
Spoil = Callable[[FakeGitHub], object]

DEEP = b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def _rules(github: FakeGitHub, ruleset: int, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        rule for rule in github.rulesets[ruleset]["rules"] if rule["type"] == kind
    )
    return found.get("parameters", found)


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
    _rules(github, 0, "required_status_checks")["required_status_checks"] = [
        {"context": "lint", "integration_id": 15368}
    ]


ATTACKS: dict[str, tuple[Spoil, str]] = {
    "environment gone": (
        lambda g: g.environments.pop("production"),
        "environment production: is: missing, should be there",
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
        "environment production: approval of one's own release: allowed, should be forbidden",
    ),
    "any branch": (
        lambda g: _production(g, policy=None),
        "environment production: what may deploy: every branch, should be branch main",
    ),
    "protected branches": (
        lambda g: _production(
            g, policy={"protected_branches": True, "custom_branch_policies": False}
        ),
        "environment production: what may deploy: protected branches, and every branch while",
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
        "environment production: administrators: may bypass it, should be may not bypass it",
    ),
    "ruleset gone": (
        lambda g: g.rulesets.pop(0),
        "ruleset main: is: missing, should be there",
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
        "ruleset main: who may bypass it: not told by GitHub, should be none",
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
        lambda g: _rules(g, 0, "required_status_checks")["required_status_checks"][0].update(
            integration_id=1
        ),
        "ruleset main: required_status_checks: required_status_checks: all-green of app 1, "
        "should be all-green of app 15368",
    ),
    "no checks at all": (
        lambda g: _drop_rule(g, 0, "required_status_checks"),
        "ruleset main: rule required_status_checks: missing, should be there",
    ),
    "stale branches merge": (
        lambda g: _rules(g, 0, "required_status_checks").update(
            strict_required_status_checks_policy=False
        ),
        "strict_required_status_checks_policy: off, should be on",
    ),
    "code owners not asked": (
        lambda g: _rules(g, 0, "pull_request").update(require_code_owner_review=False),
        "ruleset main: pull_request: require_code_owner_review: off, should be on",
    ),
    "no approval": (
        lambda g: _rules(g, 0, "pull_request").update(required_approving_review_count=0),
        "ruleset main: pull_request: required_approving_review_count: 0, should be 1",
    ),
    "force push": (
        lambda g: _drop_rule(g, 0, "non_fast_forward"),
        "ruleset main: rule non_fast_forward: missing, should be there",
    ),
    "tag ruleset gone": (
        lambda g: g.rulesets.pop(1),
        "ruleset releases: is: missing, should be there",
    ),
    "tags may follow upstream": (
        lambda g: next(r for r in g.rulesets[1]["rules"] if r["type"] == "update").update(
            parameters={"update_allows_fetch_and_merge": True}
        ),
        "ruleset releases: update: update_allows_fetch_and_merge: on, should be off",
    ),
    "tags may move": (
        lambda g: _drop_rule(g, 1, "update"),
        "ruleset releases: rule update: missing, should be there",
    ),
    "a pattern without a name": (
        lambda g: g.policies["production"].append({"id": 9, "node_id": "x"}),
        "environment production: branch pattern without a name: may deploy, should be refused",
    ),
    "a reviewer without a name": (
        lambda g: g.environments["production"]["protection_rules"][-1]["reviewers"].append({}),
        "environment production: reviewers: octocat, someone whom GitHub does not name, should",
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
        "actions: sha_pinning_required: not told by GitHub, should be on",
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
        "label data: is: missing, should be there",
    ),
}


@pytest.fixture
def whole(before: Before) -> Place:
    place = before(finished())
    place.name_reviewers({"user": "octocat"})
    return place


@pytest.mark.parametrize("attack", ATTACKS)
def test_drift_is_refused_and_named(whole: Place, attack: str) -> None:
    spoil, words = ATTACKS[attack]
    spoil(whole.github)
    ran = whole.doctor()
    assert ran.status == 1, ran.said
    drifts = [line for line in ran.out.splitlines() if line.startswith("drift: ")]
    assert any(words in line for line in drifts), ran.out
    assert len(drifts) == len(ran.out.splitlines())
    assert ran.line == "refused: the repository is not as .github/settings/ says"
    assert not whole.github.writes
    assert not whole.github.undocumented


@pytest.mark.parametrize("gone", [True, False])
def test_what_setup_mends_doctor_accepts(whole: Place, gone: bool) -> None:
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
    assert "environments.json: production: names nobody who approves" in ran.out


def test_one_part_is_compared_alone(whole: Place) -> None:
    whole.github.labels.clear()
    whole.github.workflow["default_workflow_permissions"] = "write"
    whole.doctor("--only", "environments", "--only", "rulesets").went_well()
    assert not any("labels" in path or "/actions" in path for _, path, _ in whole.github.requests)
    assert whole.doctor("--only", "labels").status == 1


def test_what_a_workflow_token_may_not_read_is_not_fine(whole: Place) -> None:
    whole.github.interfere = lambda verb, path, number: (
        (403, {"message": "Resource not accessible by integration"}) if "/actions" in path else None
    )
    ran = whole.doctor()
    assert ran.status == 1
    assert (
        "could not be checked: actions: GitHub answers 403: Resource not accessible by integration"
        in ran.out
    )


def test_a_missing_environment_of_a_private_repository_names_the_weaker_way(whole: Place) -> None:
    whole.github.repository["private"] = True
    whole.github.environments.pop("production")
    ran = whole.doctor()
    assert ran.status == 1
    assert "private: on a private repository, reviewers of an environment need" in ran.out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"message": "Bad credentials"}), "401: Bad credentials; the token is not valid"),
        ((403, {"message": "Forbidden"}), "403: Forbidden (does the token have the rights"),
        ((404, {"message": "Not Found"}), "404: Not Found (does the token have the rights"),
        ((429, {"message": "slow down"}), "too many requests for now"),
        ((403, {"message": "You have exceeded a secondary rate limit"}), "403: You have exceeded"),
        ((500, {"message": "oops"}), "500: oops"),
        ((200, DEEP), "is not what GitHub documents"),
        ((500, DEEP), "500: "),
        ((303, {"message": "See Other", "url": "/x"}), "answers 303: See Other"),
        ((502, b"<html>bad gateway</html>"), "502: Bad Gateway"),
        ((301, {"message": "Moved", "url": "/repositories/1"}), "has the repository moved?"),
        ((200, b"\xff\xfe garbage"), "is not what GitHub documents"),
        ((200, b"[]"), "is not what GitHub documents"),
        ((200, b'{"private": "yes"}'), "is not what GitHub documents"),
        ((200, b""), "is not what GitHub documents"),
        ((500, ["not", "an", "object"]), "500: "),
        ((500, {"message": None, "errors": {"a": [1]}}), "500: "),
    ],
)
def test_bad_answers_are_one_line(whole: Place, answer: tuple[int, Any], words: str) -> None:
    whole.github.interfere = lambda *_: answer
    ran = whole.doctor()
    assert ran.status == 2
    assert words in ran.line
    assert ("repository moved" in ran.line) == (answer[0] == 301)
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("part", ["actions/permissions/workflow", "rulesets", "labels", "policies"])
@pytest.mark.parametrize("answer", [(500, {"message": "oops"}), (200, b"garbage"), (403, None)])
def test_a_part_that_cannot_be_read_is_not_fine(
    whole: Place, part: str, answer: tuple[int, Any]
) -> None:
    whole.github.interfere = lambda verb, path, number: answer if path.endswith(part) else None
    ran = whole.doctor()
    assert ran.status == 1
    assert "could not be checked: " in ran.out
    assert "drift" not in ran.out


def test_nobody_listens(whole: Place) -> None:
    ran = whole.doctor(GITHUB_API_URL="http://127.0.0.1:9")
    assert ran.status == 2
    assert "no answer from http://127.0.0.1:9" in ran.line


def test_a_server_that_echoes_the_token_does_not_get_it_printed(whole: Place) -> None:
    whole.github.interfere = lambda *_: (
        400,
        {"message": f"you sent Authorization: token {TOKEN}", "errors": [TOKEN, {"x": TOKEN}]},
    )
    for command in ("doctor", "setup"):
        ran = whole.run(command)
        assert ran.status == 2
        assert "you sent Authorization: token ***" in ran.line


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"])
def test_a_trace_does_not_show_the_token(whole: Place, url: str) -> None:
    whole.github.interfere = lambda *_: (500, {"message": TOKEN})
    ran = whole.toy.sluice(
        "--debug",
        "github",
        "doctor",
        GITHUB_API_URL=url or whole.url,
        GITHUB_REPOSITORY="octo/shop",
        GITHUB_TOKEN=TOKEN,
    )
    assert ran.status == 1
    assert "Traceback" in ran.err
    assert TOKEN not in ran.said


def test_answers_that_echo_the_token_in_odd_places_do_not_print_it(whole: Place) -> None:
    github = whole.github
    github.environments["production"]["protection_rules"][-1]["reviewers"][0]["reviewer"][
        "login"
    ] = TOKEN
    github.policies["production"].append({"id": 9, "name": TOKEN, "type": "branch"})
    github.policies["production"].append({"id": 9, "name": "a\nb\x1b[2J", "type": "branch"})
    ran = whole.doctor()
    assert ran.status == 1
    assert "reviewers: ***, should be octocat" in ran.out
    assert "branch a b [2J: may deploy" in ran.out


FILES: list[tuple[str, Callable[[Any], object], str]] = [
    (
        "actions",
        lambda c: c["workflow"].pop("default_workflow_permissions"),
        "actions.json: workflow: ",
    ),
    ("actions", lambda c: c["permissions"].update(sha_pining=True), "actions.json: permissions: "),
    ("rulesets", lambda c: c[0]["rules"][0].update(type="pull"), "rulesets.json: [0].rules[0]"),
    ("rulesets", lambda c: c.append(c[0]), "rulesets.json: 'main' is there twice"),
    (
        "rulesets",
        lambda c: c[0]["rules"][1]["parameters"].update(x=1),
        "rulesets.json: [0].rules[1]",
    ),
    ("labels", lambda c: c[0].update(color="#ffffff"), "labels.json: [0].color: "),
    ("environments", lambda c: c.pop(1), "'production' is missing"),
    ("environments", lambda c: c[1].update(prevent_self_review=False), "must be true"),
    ("environments", lambda c: c[1].update(can_admins_bypass=True), "must be false"),
    ("environments", lambda c: c[1].pop("can_admins_bypass"), "must be false"),
    (
        "environments",
        lambda c: c[1]["branch_policies"].append({"name": "*", "type": "branch"}),
        "'*' lets every branch deploy",
    ),
    (
        "environments",
        lambda c: c[1]["branch_policies"].append({"name": "**/*", "type": "tag"}),
        "lets every tag deploy",
    ),
    (
        "environments",
        lambda c: c[1]["branch_policies"].clear(),
        "environments.json: [1].branch_policies",
    ),
    (
        "environments",
        lambda c: c[1]["reviewers"].append({"user": "a", "team": "b"}),
        "environments.json: [1].reviewers[1]: expected",
    ),
    (
        "environments",
        lambda c: c[1].update(reviewers=[{"user": f"u{n}"} for n in range(7)]),
        "environments.json: [1].reviewers",
    ),
]


@pytest.mark.parametrize(("name", "spoil", "words"), FILES)
def test_a_file_that_is_wrong_names_itself_and_its_key(
    whole: Place, name: str, spoil: Callable[[Any], object], words: str
) -> None:
    content = whole.settings(name)
    spoil(content)
    whole.write(name, content)
    with pytest.raises(SluiceError) as caught:
        desired.load(whole.toy.root / ".github/settings")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_missing_or_no_json(whole: Place) -> None:
    path = whole.toy.root / ".github/settings/labels.json"
    path.write_text("[", "utf-8")
    assert "labels.json is not JSON" in whole.doctor().line
    path.unlink()
    for command in ("doctor", "setup"):
        ran = whole.run(command)
        assert (ran.status, "labels.json is missing" in ran.line) == (2, True)
    assert not whole.github.requests


def test_the_file_that_setup_writes_differs_in_the_reviewers_only(whole: Place) -> None:
    text = whole.toy.text(".github/settings/environments.json")
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


def test_forbidden_for_asking_too_often_does_not_blame_the_token(whole: Place) -> None:
    whole.github.interfere = lambda *_: (403, {"message": "slow down"})
    whole.github.headers = {"Retry-After": "60"}
    ran = whole.doctor()
    assert ran.status == 2
    assert "403: slow down; too many requests for now, try again later" in ran.line
    assert "administrator" not in ran.line


@pytest.mark.parametrize("more", [[], [{"id": 1, "name": "more", "color": "000000"}]])
def test_a_next_page_that_is_named_for_ever_ends(whole: Place, more: list[dict[str, Any]]) -> None:
    """With nothing on it, or with the same again."""
    pages = [whole.github.labels, more, more]

    def static(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        return (200, pages.pop(0)) if path.endswith("/labels") and pages else None

    whole.github.interfere = static
    whole.github.headers = {"Link": '<https://example.org/?page=2>; rel="next"'}
    whole.doctor("--only", "labels").went_well()
    assert len(pages) == (0 if more else 1)


def _first_check(github: FakeGitHub, context: object) -> None:
    _rules(github, 0, "required_status_checks")["required_status_checks"] = [{"context": context}]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda g: g.rulesets[0]["rules"][-1].update(parameters="all"),
        lambda g: g.rulesets[0]["rules"][-1].update(parameters=["all"]),
        lambda g: _first_check(g, None),
        lambda g: _first_check(g, 7),
    ],
)
def test_a_rule_of_another_form_leaves_the_other_sections(whole: Place, spoil: Spoil) -> None:
    spoil(whole.github)
    whole.github.labels.clear()
    ran = whole.doctor()
    assert ran.status == 1
    assert "could not be checked: rulesets: the answer to /repos/octo/shop/rulesets/21" in ran.out
    assert "drift: label data: is: missing" in ran.out


@pytest.mark.parametrize("parameters", [None, {"update_allows_fetch_and_merge": False}])
def test_two_ways_to_say_that_tags_stay(whole: Place, parameters: object) -> None:
    update = next(r for r in whole.github.rulesets[1]["rules"] if r["type"] == "update")
    update["parameters"] = parameters
    whole.doctor("--only", "rulesets").went_well()


def test_a_reviewer_whom_github_does_not_name_protects_nothing(whole: Place) -> None:
    for one in ({}, {"type": "User"}, {"reviewer": {"id": 1, "login": "octocat"}}):
        rule = whole.github.environments["production"]["protection_rules"][-1]
        rule["reviewers"] = [one]
        ran = whole.doctor()
        assert ran.status == 1
        assert "reviewers: someone whom GitHub does not name, should be octocat" in ran.out


def test_a_short_token_does_not_spoil_other_words(whole: Place) -> None:
    ran = whole.doctor(GITHUB_TOKEN="e")  # noqa: S106
    assert ran.line == "GitHub answers 401: Bad credentials; the token is not valid, or no longer"
