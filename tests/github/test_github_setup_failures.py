"""An interrupted set-up reports what is done, and the next run completes it."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from support.github.fake_github import TOKEN
from support.github.fake_settings import state
from support.github.finished import finished
from support.github.place import Before, Place


def test_after_a_failed_write_the_next_run_completes_the_setup(
    empty: Place,
) -> None:
    empty.name_reviewers({"user": "octocat"})
    fresh = {
        name: copy.deepcopy(value)
        for name, value in vars(empty.github).items()
        if isinstance(value, (dict, list, bool))
    }
    for failing in range(1, 23):
        vars(empty.github).update(copy.deepcopy(fresh))
        empty.github.interfere = lambda verb, path, number, failing=failing: (
            (500, {"message": "sorry"}) if verb != "GET" and number == failing else None
        )
        ran = empty.setup()
        assert ran.status == 2, failing
        assert f"{failing - 1} of 22 changes are done" in ran.line
        assert "GitHub answered 500: sorry" in ran.line
        assert ran.out.count("  done: ") == failing - 1
        assert ran.out.count("  failed: ") == 1
        assert ran.out.count("  not tried: ") == 22 - failing
        empty.github.interfere = lambda *_: None
        assert empty.setup().status == 0
        assert state(empty.github) == state(finished())
        assert not empty.github.undocumented


def test_a_failure_half_way_through_the_real_command(empty: Place) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (500, {"message": "sorry"}) if verb != "GET" and number == 7 else None
    )
    ran = empty.run_process("setup", "--reviewer", "octocat")
    assert ran.status == 2
    assert "6 of 22 changes are done: run this again to continue" in ran.line
    empty.github.interfere = lambda *_: None
    empty.setup().went_well()
    empty.doctor().went_well()


def test_a_missing_answer_means_that_the_result_is_unknown(
    empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.name_reviewers({"user": "octocat"})
    monkeypatch.setattr("sluice.github.api.connection._SECONDS", 0.3)

    def late(verb: str, path: str, number: int) -> None:
        if number == 1:
            time.sleep(1.5)

    empty.github.interfere = late
    ran = empty.setup()
    assert ran.status == 2
    assert "it is unknown whether the change took effect" in ran.line


def test_a_redirected_write_does_not_count_as_done(empty: Place) -> None:
    elsewhere = {"message": "Moved Permanently", "url": "/repos/octo/shop"}
    empty.github.interfere = lambda verb, path, number: (301, elsewhere) if verb == "POST" else None
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "stopped at ruleset main (exists): GitHub answered 301: Moved Permanently" in ran.line
    assert "the repository may have been renamed" in ran.line


def test_an_interrupted_run_says_what_is_done(
    empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.name_reviewers({"user": "octocat"})

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sluice.github.api.client.Client.create_ruleset", interrupt)
    ran = empty.setup()
    assert ran.status == 130
    assert ran.out.count("  done: ") == 2
    assert "  failed: ruleset main (exists): interrupted" in ran.out
    assert ran.out.count("  not tried: ") == 19


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_a_failure_does_not_print_the_content_of_a_name_from_github(
    before: Before, debug: tuple[str, ...]
) -> None:
    github = finished()
    github.policies["production"].append({"id": 9, "name": f"a\x1b[2J{TOKEN}", "type": "branch"})
    github.interfere = lambda verb, path, number: (
        (500, {"message": "sorry"}) if verb == "DELETE" else None
    )
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    ran = place.toy.sluice(*debug, "github", "setup", **place.environment())
    assert ran.status != 0
    assert "stopped at environment production (branch a [2J***)" in ran.err
    assert TOKEN not in ran.said
    assert "\x1b" not in ran.said


TOOK = "GitHub accepted the requests, but these settings still differ from the files: "


def test_an_accepted_request_without_effect_does_not_count_as_done(empty: Place) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (200, b"<html>done</html>") if (verb, path[-7:]) == ("POST", "/labels") else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    names = ("data", "model", "gate", "release", "retraining")
    assert ran.line == TOOK + ", ".join(f"label {name} (exists)" for name in names)
    empty.github.interfere = lambda *_: None
    empty.setup().went_well()


def test_a_server_that_ignores_a_field_does_not_count_as_set_up(empty: Place) -> None:
    def old(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        ignored = verb == "PUT" and path.endswith("/actions/permissions")
        return (204, None) if ignored else None

    empty.github.interfere = old
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert ran.line == f"{TOOK}actions (sha_pinning_required)"


def test_settings_that_cannot_be_read_again_are_not_a_match(empty: Place) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (500, {"message": "oops"}) if verb == "GET" and number == 22 and "labels" in path else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert (ran.status, ran.line) == (2, "could not be read: labels, see above")


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_a_permanent_refusal_does_not_stop_the_other_changes(empty: Place, status: int) -> None:
    empty.github.interfere = lambda verb, path, number: (
        (status, {"message": "never"})
        if verb != "GET" and path.endswith(("/production", "/private-vulnerability-reporting"))
        else None
    )
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert ran.line == "refused: environment production, repository, see above"
    assert f"  refused: environment production (exists): GitHub answered {status}: never" in ran.out
    assert ran.out.count("  not tried: environment production") == 2
    assert ran.out.count("  done: ") == 18
    assert "weaker alternative" not in ran.out
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
def test_an_error_that_would_recur_stops_at_once(
    empty: Place, answer: tuple[int, Any], headers: dict[str, str]
) -> None:
    empty.github.interfere = lambda verb, path, number: answer if verb != "GET" else None
    empty.github.headers = headers
    ran = empty.setup("--reviewer", "octocat")
    assert ran.status == 2
    assert "0 of 22 changes are done: run this again to continue" in ran.line
    assert ran.out.count("  not tried: ") == 21
    assert ("too many requests" in ran.line) == (answer[0] in (403, 429))
