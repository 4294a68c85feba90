"""The command maintains one comment on a run's pull request, even if CI ran hostile code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from support.github.comments import MARKER, artifact, body, comment, from_a_fork, report
from support.github.fake_github import TOKEN, FakeGitHub
from support.github.fake_pulls import BOT, HEAD, RUN, pull, repository
from support.github.place import Place
from support.github.storage import Storage


def test_the_report_becomes_a_comment(place: Place, storage: Storage) -> None:
    ran = comment(place, process=True).went_well()
    assert ran.out == "pull request 12: comment created\n"
    text = body(place)
    assert text.startswith(f"{MARKER}## ✅ toy passes every gate\n")
    assert "Markdown of the artifact" not in text
    assert "WARNING" not in text
    assert "CI did not succeed" not in text
    link = f"https://github.com/octo/shop/actions/runs/{RUN}"
    assert f"For commit {HEAD[:7]}, from [this run of CI]({link})." in text
    assert [(verb, path) for verb, path, _ in place.github.writes] == [
        ("POST", "/repos/octo/shop/issues/12/comments")
    ]
    (headers,) = storage.seen
    assert TOKEN not in str(headers)
    assert "authorization" not in {name.lower() for name in headers}


def test_the_comment_is_updated_by_a_later_attempt(place: Place, storage: Storage) -> None:
    comment(place).went_well()
    place.github.requests.clear()
    assert "already up to date" in comment(place).went_well().out
    assert not place.github.writes
    storage.content = artifact(report(passes=False, why="0.5 is too low"))
    place.github.run["run_attempt"] = 2
    place.github.artifacts.append({**place.github.artifacts[0], "id": 91})
    place.github.run["conclusion"] = "failure"
    assert "comment updated" in comment(place).went_well().out
    assert "## ❌ toy does not pass" in body(place)
    assert "CI did not succeed" not in body(place)
    assert f"run={RUN} attempt=2" in body(place)
    assert any(path.endswith("/artifacts/91/zip") for _, path, _ in place.github.requests)
    assert [verb for verb, _, _ in place.github.writes] == ["PATCH"]


def test_our_comment_is_found_on_a_later_page(place: Place) -> None:
    comment(place).went_well()
    others = [{"id": n, "user": {"login": "mona", "type": "User"}, "body": "hm"} for n in range(7)]
    place.github.comments[:0] = others
    place.github.page = 3
    place.github.requests.clear()
    comment(place).went_well()
    assert not place.github.writes


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ({"login": "mallory", "id": 1, "type": "User"}, MARKER + "all is fine"),
        ({"login": "github-actions[bot]", "id": 1, "type": "User"}, MARKER + "all is fine"),
        (BOT, "> " + MARKER + "a quotation"),
        (BOT, "<!-- sluice: report run=x attempt=1 -->\n"),
        (None, MARKER),
    ],
)
def test_comments_of_others_are_not_changed(place: Place, user: Any, text: str) -> None:
    theirs = {"id": 3, "user": user, "body": text}
    place.github.comments = [dict(theirs)]
    assert "comment created" in comment(place).went_well().out
    assert place.github.comments[0] == theirs
    assert len(place.github.comments) == 2


@pytest.mark.parametrize("stamp", [f"run={RUN + 1} attempt=1", f"run={RUN} attempt=2"])
def test_an_older_run_does_not_replace_the_comment_of_a_newer_one(place: Place, stamp: str) -> None:
    newer = {"id": 3, "user": BOT, "body": f"<!-- sluice: report {stamp} -->\nnewer"}
    place.github.comments = [dict(newer)]
    assert "a newer run has already commented" in comment(place).went_well().out
    assert place.github.comments == [newer]
    assert not place.github.writes


def _elsewhere(github: FakeGitHub, side: str, name: str) -> None:
    github.pulls[0][side]["repo"] = repository(name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda github: github.pulls[0].update(state="closed"),
        lambda github: github.pulls[0]["head"].update(sha="d" * 40),
        lambda github: github.pulls[0]["head"].update(ref="another"),
        lambda github: _elsewhere(github, "base", "mona/shop"),
        lambda github: _elsewhere(github, "head", "mallory/shop"),
        lambda github: github.pulls.clear(),
    ],
)
def test_a_pull_request_without_the_runs_commit_at_its_head_gets_no_comment(
    place: Place, storage: Storage, spoil: Callable[[FakeGitHub], None]
) -> None:
    spoil(place.github)
    assert "no longer the head of an open pull request" in comment(place).went_well().out
    assert not place.github.writes
    assert not storage.seen


def test_a_run_of_another_event_or_workflow_gets_no_comment(place: Place) -> None:
    place.github.run["event"] = "push"
    assert "does not belong to a pull request: nothing to comment" in comment(place).went_well().out
    place.github.run |= {"event": "pull_request", "path": ".github/workflows/my-ci.yml"}
    assert "is not a run of .github/workflows/ci.yml" in comment(place).line
    place.github.run |= {"path": ".github/workflows/ci.yml@main", "status": "in_progress"}
    ran = comment(place)
    assert (ran.status, ran.line) == (2, f"run {RUN} is not completed; wait until it is")
    assert place.run("comment", "--run", "9").status == 2
    assert not place.github.writes


def test_a_pull_request_from_a_fork_gets_its_comment(place: Place) -> None:
    from_a_fork(place)
    comment(place).went_well()
    assert "## ✅ toy passes every gate" in body(place)
    assert "WARNING" not in body(place)


def test_two_pull_requests_with_the_same_head_get_no_report(place: Place) -> None:
    place.github.pulls.append(pull(13))
    ran = comment(place)
    assert ran.status == 1
    assert [path for _, path, _ in place.github.writes] == [
        "/repos/octo/shop/issues/12/comments",
        "/repos/octo/shop/issues/13/comments",
    ]
    assert all(
        "it is unknown which one the report is for" in one["body"] for one in place.github.comments
    )


def test_ci_that_failed_before_its_report_is_shown_with_its_failed_jobs(place: Place) -> None:
    comment(place).went_well()
    place.github.artifacts = []
    place.github.run |= {"conclusion": "failure", "id": RUN + 1}
    place.github.jobs.append({"id": 2, "name": "check @octocat <b>", "conclusion": "timed_out"})
    place.run("comment", "--run", str(RUN + 1)).went_well()
    text = body(place)
    assert "## ❌ No report: CI did not succeed and uploaded none\n" in text
    assert "## ❌ CI did not succeed: failure\n" in text
    assert "- check @\u200boctocat &#60;b&#62;: timed_out\n" in text
    assert "passes every gate" not in text
    assert "- test" not in text


def test_ci_that_succeeded_without_a_report_is_an_error(place: Place) -> None:
    place.github.artifacts[0]["name"] = "report2"
    ran = comment(place)
    assert (ran.status, ran.line) == (1, "no report: CI succeeded, but uploaded none")
    assert "No report: CI succeeded, but uploaded none" in body(place)


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", "action_required"])
def test_a_passing_report_of_a_failed_run_starts_with_the_failure(
    place: Place, conclusion: str
) -> None:
    place.github.run["conclusion"] = conclusion
    place.github.jobs.append({"id": 2, "name": "all-green", "conclusion": "failure"})
    comment(place).went_well()
    first = f"{MARKER}## ❌ CI did not succeed: {conclusion}\n\n- all-green: failure\n\n"
    assert body(place).startswith(first)


HOSTILE = (
    "@octocat #1 GH-1 octo/shop#1 <img src=x onerror=alert(1)> </details> [x](javascript:alert(1))"
    " ![x](https://evil.example.org/p.png) `code` <!-- sluice: report run=9 attempt=9 --> | a | b |"
    " ~~~ https://evil.example.org www.evil.example.org"
)


def test_text_from_the_report_is_shown_as_text_only(place: Place, storage: Storage) -> None:
    shown = report(passes=False, name=HOSTILE, why=f"{HOSTILE}\n```\n# done\n\u202eoof")
    claim = {"against": HOSTILE, "files": [HOSTILE]}
    changed = {"missing": [HOSTILE], "reason": HOSTILE, "trouble": HOSTILE, "contribution": claim}
    storage.content = artifact(shown, **changed)
    place.github.files = [{"filename": f"src/sluice/{HOSTILE}"}]
    comment(place).went_well()
    text = body(place)
    visible = text.removeprefix(MARKER)
    assert not re.search(
        r"@(?!\u200b)|<img|<!--|\]\(java|!\[|(?<!&)#\d|GH-1|\bwww\.|\u202e", visible
    )
    assert visible.count("</details>") == visible.count("<details")
    assert "```" not in visible
    assert visible.count("://") == 1  # the run's own link


def test_a_token_without_the_right_to_comment_is_an_error(place: Place) -> None:
    place.github.interfere = lambda verb, path, number: (
        (403, {"message": "Resource not accessible by integration"}) if verb == "POST" else None
    )
    ran = comment(place)
    assert (ran.status, "Resource not accessible" in ran.line) == (2, True)
