"""The set-up when GitHub's plan, version or state does not allow every setting."""

from __future__ import annotations

from typing import Any

import pytest

from support.github.finished import finished
from support.github.place import Before, Place


def test_only_documented_fields_are_sent_to_an_old_server(empty: Place) -> None:
    empty.github.knows_bypass = False
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert not empty.github.undocumented
    assert "by hand: environment production" in ran.out
    assert "Allow administrators to bypass" in ran.out
    empty.github.requests.clear()
    notes = [
        f"note: environment {name}: bypass by administrators: not given by GitHub: look under "
        "Settings"
        for name in ("production", "canary")
    ]
    again = empty.setup().went_well()
    assert again.out.splitlines() == [
        "octo/shop matches .github/settings: nothing to change",
        *(f"  {note}, Environments" for note in notes),
    ]
    assert not empty.github.writes
    said = empty.doctor().went_well().out
    assert all(f"{note}, Environments\n" in said for note in notes)
    assert "note" not in empty.doctor("--only", "repository").went_well().out


def test_a_server_that_will_not_forbid_the_bypass_leaves_it_to_a_person(empty: Place) -> None:
    def strict(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        body = empty.github.requests[-1][2] or {}
        return (422, {"message": "unknown key"}) if "can_admins_bypass" in body else None

    empty.github.interfere = strict
    ran = empty.setup("--reviewer", "octocat").went_well()
    said = (
        "by hand: environment production: bypass by administrators: GitHub answered 422: unknown "
        "key: on "
    )
    assert said in ran.out
    assert "bypass by administrators: allowed, should be forbidden" in empty.doctor().out


def test_without_reviewers_in_the_plan_the_rest_is_set_up(empty: Place) -> None:
    empty.github.repository["private"] = True
    empty.github.reviewers_in_plan = False
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "need GitHub Enterprise" in ran.out
    assert (
        "A weaker alternative, which GitHub does not enforce: request each release in a pull"
        in ran.out
    )
    assert ran.line == "refused: environment canary, environment production, see above"
    assert ran.out.count("not tried: environment production") == 2
    assert "test" in empty.github.environments
    assert {"data", "retraining"} <= {one["name"] for one in empty.github.labels}
    assert not empty.github.undocumented
    refused = empty.doctor()
    assert refused.status == 1
    assert "need GitHub Enterprise" in refused.out


def test_without_rulesets_in_the_plan_the_rest_is_set_up(empty: Place) -> None:
    empty.github.repository["private"] = True
    empty.github.rulesets_in_plan = False
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "rulesets need GitHub Pro, Team or Enterprise" in ran.out
    assert "could not be read: rulesets" in ran.line
    assert empty.github.alerts
    refused = empty.doctor()
    assert refused.status == 1
    assert "could not be checked: rulesets" in refused.out


@pytest.mark.parametrize("status", [404, 422])
def test_a_switch_that_github_does_not_return_is_a_note(empty: Place, status: int) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (status, {"message": "no"}) if path.endswith("/private-vulnerability-reporting") else None
    )
    note = "note: repository: private_vulnerability_reporting: not given by GitHub: look under"
    ran = empty.setup("--reviewer", "octocat").went_well()
    assert f"  {note}" in ran.out
    assert "done: repository (vulnerability_alerts)" in ran.out
    assert note in empty.doctor().went_well().out
    assert "note" not in empty.doctor("--only", "labels").went_well().out


def test_an_archived_repository_is_named_before_anything_is_tried(before: Before) -> None:
    github = finished()
    github.repository["archived"] = True
    github.labels.clear()
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.setup()
    assert ran.status == 2
    assert ran.line == "octo/shop is archived: unarchive it under Settings first"
    assert not github.writes
    ran = place.doctor()
    assert ran.status == 1
    assert ran.out.startswith("drift: repository: archived, so ")


def test_an_existing_pattern_is_not_a_failure(before: Before) -> None:
    """GitHub answers 303 for a pattern that exists already."""
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
    assert (
        "by hand: environment production: GitHub does not give the number of the branch *"
        in ran.out
    )
    assert place.doctor().status == 1
