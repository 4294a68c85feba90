"""A missing or malformed answer from GitHub never counts as a match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.github.fake_github import FakeGitHub
from support.github.place import Place

DEEP = b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def test_what_a_workflow_token_may_not_read_is_not_a_match(whole: Place) -> None:
    whole.github.interfere = lambda verb, path, number: (
        (403, {"message": "Resource not accessible by integration"}) if "/actions" in path else None
    )
    ran = whole.doctor()
    assert ran.status == 1
    assert (
        "could not be checked: actions: GitHub answered 403: Resource not accessible by integration"
        in ran.out
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"message": "Bad credentials"}), "401: Bad credentials; the token is not valid"),
        ((403, {"message": "Forbidden"}), "403: Forbidden; the name may be wrong, or the token"),
        ((404, {"message": "Not Found"}), "404: Not Found; the name may be wrong, or the token"),
        ((429, {"message": "slow down"}), "too many requests"),
        ((403, {"message": "You have exceeded a secondary rate limit"}), "403: You have exceeded"),
        ((500, {"message": "oops"}), "500: oops"),
        ((200, DEEP), "does not have the documented form"),
        ((500, DEEP), "500: "),
        ((303, {"message": "See Other", "url": "/x"}), "answered 303: See Other"),
        ((502, b"<html>bad gateway</html>"), "502: Bad Gateway"),
        (
            (301, {"message": "Moved", "url": "/repositories/1"}),
            "the repository may have been renamed",
        ),
        ((200, b"\xff\xfe garbage"), "does not have the documented form"),
        ((200, b"[]"), "does not have the documented form"),
        ((200, b'{"private": "yes"}'), "does not have the documented form"),
        ((200, b""), "does not have the documented form"),
        ((500, ["not", "an", "object"]), "500: "),
        ((500, {"message": None, "errors": {"a": [1]}}), "500: "),
    ],
)
def test_bad_answers_are_one_line(whole: Place, answer: tuple[int, Any], words: str) -> None:
    whole.github.interfere = lambda *_: answer
    ran = whole.doctor()
    assert ran.status == 2
    assert words in ran.line
    assert ("have been renamed" in ran.line) == (answer[0] == 301)
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("part", ["actions/permissions/workflow", "rulesets", "labels", "policies"])
@pytest.mark.parametrize("answer", [(500, {"message": "oops"}), (200, b"garbage"), (403, None)])
def test_an_unreadable_part_is_not_a_match(
    whole: Place, part: str, answer: tuple[int, Any]
) -> None:
    whole.github.interfere = lambda verb, path, number: answer if path.endswith(part) else None
    ran = whole.doctor()
    assert ran.status == 1
    assert "could not be checked: " in ran.out
    assert "drift" not in ran.out


def test_a_server_that_does_not_listen_is_an_error(whole: Place) -> None:
    ran = whole.doctor(GITHUB_API_URL="http://127.0.0.1:9")
    assert ran.status == 2
    assert "no answer from http://127.0.0.1:9" in ran.line


def test_a_rate_limit_is_not_blamed_on_the_token(whole: Place) -> None:
    whole.github.interfere = lambda *_: (403, {"message": "slow down"})
    whole.github.headers = {"Retry-After": "60"}
    ran = whole.doctor()
    assert ran.status == 2
    assert "403: slow down; too many requests: try again later" in ran.line
    assert "administrator" not in ran.line


@pytest.mark.parametrize("more", [[], [{"id": 1, "name": "more", "color": "000000"}]])
def test_endless_pages_are_stopped(whole: Place, more: list[dict[str, Any]]) -> None:
    """Every further page is empty, or repeats the first one."""
    pages = [whole.github.labels, more, more]

    def static(verb: str, path: str, number: int) -> tuple[int, Any] | None:
        return (200, pages.pop(0)) if path.endswith("/labels") and pages else None

    whole.github.interfere = static
    whole.github.headers = {"Link": '<https://example.org/?page=2>; rel="next"'}
    whole.doctor("--only", "labels").went_well()
    assert len(pages) == (0 if more else 1)


def _first_check(github: FakeGitHub, context: object) -> None:
    github.parameters(0, "required_status_checks")["required_status_checks"] = [
        {"context": context}
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda g: g.rulesets[0]["rules"][-1].update(parameters="all"),
        lambda g: g.rulesets[0]["rules"][-1].update(parameters=["all"]),
        lambda g: _first_check(g, None),
        lambda g: _first_check(g, 7),
    ],
)
def test_a_rule_of_another_form_leaves_the_other_sections(
    whole: Place, spoil: Callable[[FakeGitHub], object]
) -> None:
    spoil(whole.github)
    whole.github.labels.clear()
    ran = whole.doctor()
    assert ran.status == 1
    assert (
        "could not be checked: rulesets: GitHub's answer to /repos/octo/shop/rulesets/21" in ran.out
    )
    assert "drift: label data: exists: no" in ran.out


def test_an_unnamed_reviewer_protects_nothing(whole: Place) -> None:
    for one in ({}, {"type": "User"}, {"reviewer": {"id": 1, "login": "octocat"}}):
        rule = whole.github.environments["production"]["protection_rules"][-1]
        rule["reviewers"] = [one]
        ran = whole.doctor()
        assert ran.status == 1
        assert "reviewers: a reviewer whom GitHub does not name, should be octocat" in ran.out
