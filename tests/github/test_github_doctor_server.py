"""The account of production's server must exist, be able to report, and approve nothing."""

from __future__ import annotations

import pytest

from support.github.finished import finished
from support.github.place import Before, Place


@pytest.fixture
def place(before: Before) -> Place:
    """A repository that is set up, with octocat as the reviewer and hubot as its server."""
    github = finished()
    github.roles = {"hubot": "write", "octocat": "write"}
    place = before(github)
    place.name_reviewers({"user": "octocat"})
    name(place, "hubot")
    return place


def name(place: Place, server: str | None) -> None:
    said = {} if server is None else {"server": server}
    place.write("delivery", {"registry": "ghcr.io"} | said)


def test_an_account_that_may_write_passes(place: Place) -> None:
    place.doctor().went_well()
    assert place.github.undocumented == []
    name(place, "HuBot")
    place.doctor("--only", "server").went_well()


@pytest.mark.parametrize("role", ["admin", "read", "none", None])
def test_another_role_is_drift(place: Place, role: str | None) -> None:
    if role is None:
        place.github.roles.pop("hubot")
    else:
        place.github.roles["hubot"] = role
    ran = place.doctor("--only", "server")
    assert ran.status == 1
    assert f"its role in the repository is {role or 'none'}: " in ran.out
    assert "give it the role Write" in ran.out


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("nobody", "drift: server nobody in delivery.json: GitHub has no such account"),
        ("octocat", "it is a reviewer of canary, and would approve what it reports on"),
        ("shop-team", "it is neither a user nor an App"),
    ],
)
def test_an_account_that_cannot_or_must_not_report_is_drift(
    place: Place, server: str, said: str
) -> None:
    name(place, server)
    ran = place.doctor()
    assert ran.status == 1
    assert said in ran.out


def test_the_rights_of_an_app_are_a_note(place: Place) -> None:
    name(place, "shop-server[bot]")
    ran = place.doctor("--only", "server").went_well()
    assert "note: server shop-server[bot] in delivery.json: its App must" in ran.out


def test_a_role_that_github_does_not_return_is_not_assumed(place: Place) -> None:
    def refuse(verb: str, path: str, _: int) -> tuple[int, object] | None:
        return (403, {"message": "Must have push access"}) if "collaborators" in path else None

    place.github.interfere = refuse
    ran = place.doctor("--only", "server")
    assert ran.status == 1
    assert "could not be checked: server hubot in delivery.json" in ran.out


def test_without_a_server_nothing_is_asked(place: Place) -> None:
    name(place, None)
    place.doctor("--only", "server").went_well()
    assert not any("users" in path for _, path, _ in place.github.requests)


def test_a_file_that_cannot_be_read_is_one_line(place: Place) -> None:
    name(place, "no login!")
    ran = place.doctor()
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert "delivery.json is not valid" in ran.line
