"""Reviewers must be named, and must exist, before anything is changed."""

from __future__ import annotations

import pytest

from support.github.place import Place


def test_reviewers_must_be_named(empty: Place) -> None:
    ran = empty.setup()
    assert ran.status == 2
    assert "environments.json names no reviewers (production, canary)" in ran.line
    assert "--reviewer LOGIN" in ran.line
    assert not empty.github.requests


def test_a_reviewer_who_does_not_exist_stops_it_before_any_change(empty: Place) -> None:
    ran = empty.setup("--reviewer", "octocat", "--reviewer", "nobody-here")
    assert ran.status == 2
    assert "GitHub has no user 'nobody-here'" in ran.line
    assert not empty.github.writes
    assert empty.settings("environments")[1]["reviewers"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["octocat", "OctoCat"], "at most 6 different people"),
        (["a", "b", "c", "d", "e", "f", "g"], "at most 6 different people"),
        ([""], "expected a login"),
        (["octo/releasers"], "write a team into"),
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
    assert "already names other reviewers: change them there" in ran.line


def test_a_dry_run_works_before_any_reviewer_is_named(empty: Place) -> None:
    ran = empty.setup("--dry-run")
    assert ran.status == 2
    assert "22 changes to make" in ran.out
    assert "dry run: nothing was changed" in ran.out
    assert ran.line == empty.setup().line
    assert "names no reviewers (production, canary)" in ran.line
    assert not empty.github.writes
