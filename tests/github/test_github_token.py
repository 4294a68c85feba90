"""The token is never printed, even if a server sends it back."""

from __future__ import annotations

import pytest

from support.github.fake_github import TOKEN
from support.github.place import Place


def test_the_token_is_not_printed_if_a_server_sends_it_back(whole: Place) -> None:
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
    env = whole.environment(GITHUB_API_URL=url or whole.url)
    ran = whole.toy.sluice("--debug", "github", "doctor", **env)
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


def test_a_short_token_does_not_spoil_other_words(whole: Place) -> None:
    ran = whole.doctor(GITHUB_TOKEN="e")  # noqa: S106
    said = (
        "GitHub answered 401: Bad credentials; the token is not valid or has expired: set another"
    )
    assert ran.line.startswith(said)
