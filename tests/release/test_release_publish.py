"""After the approval: what was approved becomes the champion, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.releases.attested import approve, attest, sha256
from support.releases.counter import RUN, Counter
from support.releases.spoiled import DELIVERY, OCTOCAT, SETTINGS, STARTERS

RECORD = "out/release/approval.json"
# What is attested, and what is released.
both = pytest.mark.parametrize("command", ["confirm", "publish"])


@pytest.fixture
def approved(released: Counter) -> Counter:
    """The older version is the champion; hubot has approved the newer one."""
    released.github.approve(RUN, "hubot")
    return released


def publish(
    counter: Counter, digest: str | None = None, command: str = "publish"
) -> tuple[str, ...]:
    given = (command, counter.newer.made.version, "--beside", counter.older.tag)
    return (*given, "--approved", digest or counter.newer.digest)


def test_the_pre_release_becomes_the_champion(approved: Counter) -> None:
    newer, held = approved.newer, approved.state()
    ran = approved.typed(*publish(approved)).went_well()
    assert f"{newer.tag} is the champion" in ran.out
    assert approved.champion() == newer.tag
    release = approved.github.release(newer.tag)
    assert not release["prerelease"]
    link = f"https://github.example.org/octo/shop/actions/runs/{RUN}"
    assert f"approved by hubot in [run {RUN}]({link})" in release["body"]
    assert newer.digest in release["body"]
    assert len(approved.github.writes) == 1
    assert {name: approved.state()[name] for name in ("kept", "tags")} == {
        name: held[name] for name in ("kept", "tags")
    }


def test_from_preflight_to_the_release(approved: Counter) -> None:
    outputs = approved.root / "outputs"
    given = ("preflight", approved.newer.tag, "--outputs", str(outputs))
    approved.run(*given).went_well()
    said = dict(line.split("=") for line in outputs.read_text("utf-8").splitlines())
    given = (approved.newer.tag, "--approved", said["digest"], "--beside", said["beside"])
    approved.run("confirm", *given).went_well()
    approve(approved.notes, approved.newer.digest)
    approved.run("publish", *given).went_well()
    approved.run("champion").went_well()
    found = json.loads((approved.root / "out/champion/champion.json").read_bytes())
    assert found["release"] == approved.newer.tag


def test_who_approved_what_is_written_down_first(approved: Counter) -> None:
    approved.typed(*publish(approved, command="confirm")).went_well()
    assert json.loads((approved.root / RECORD).read_bytes()) == {
        "version": approved.newer.made.version,
        "approver": "hubot",
        "run": f"https://github.example.org/octo/shop/actions/runs/{RUN}",
    }
    assert not approved.github.writes


@both
def test_another_delivery_than_the_approved_one(approved: Counter, command: str) -> None:
    """Attested and whole, and yet not what the reviewers saw."""
    newer = approved.newer
    content = json.dumps(json.loads((newer.folder / "delivery.json").read_bytes())).encode()
    approved.github.swap(newer.tag, "delivery.json", content)
    attest(approved.notes, sha256(content), newer.made.commit)
    given = publish(approved, command=command)
    ran = approved.refuses(*given, why="was approved: nothing is released")
    assert not (approved.root / RECORD).exists()
    assert sha256(content) in ran.line


@pytest.mark.parametrize("digest", ["0" * 64, "-", "*"])
def test_another_digest(approved: Counter, digest: str) -> None:
    approved.refuses(*publish(approved, digest), why="was approved: nothing is released")


def nobody(counter: Counter) -> None:
    pass


def the_starter(counter: Counter) -> None:
    counter.github.approve(RUN, "OctoCat")


def another_environment(counter: Counter) -> None:
    counter.github.approve(RUN, "hubot", "test")


def another_run(counter: Counter) -> None:
    counter.github.approve(RUN + 1, "hubot")


def rejected(counter: Counter) -> None:
    counter.github.approve(RUN, "hubot")
    counter.github.approvals[RUN][0]["state"] = "rejected"


def a_ghost(counter: Counter) -> None:
    counter.github.approve(RUN, "")


UNAPPROVED: dict[str, Callable[[Counter], None]] = {
    one.__name__: one
    for one in (nobody, the_starter, another_environment, another_run, rejected, a_ghost)
}


@both
@pytest.mark.parametrize("case", UNAPPROVED)
def test_not_approved(released: Counter, case: str, command: str) -> None:
    UNAPPROVED[case](released)
    why = f"nobody but who started run {RUN} has approved it"
    released.refuses(*publish(released, command=command), why=why)
    assert not (released.root / RECORD).exists()


def test_approved_by_who_ran_it_again(approved: Counter) -> None:
    why = "no reviewer but hubot and octocat"
    env = approved.started_by(OCTOCAT, OCTOCAT | {"login": "hubot"})
    approved.refuses(*publish(approved), why=why, **env)


@both
@pytest.mark.parametrize("case", STARTERS)
def test_a_starter_that_is_no_person(approved: Counter, case: str, command: str) -> None:
    """hubot may have started it by way of a workflow, and has approved it."""
    actor, again, named = STARTERS[case]
    env = approved.started_by(actor, again)
    why = f"{named} started this, and GitHub does not say that this is a person"
    approved.refuses(*publish(approved, command=command), why=why, **env)
    assert not (approved.root / RECORD).exists()


def test_an_approval_of_an_earlier_attempt(approved: Counter) -> None:
    why = "an approval counts once, start a new run"
    approved.refuses(*publish(approved), why=why, GITHUB_RUN_ATTEMPT="2")


@pytest.mark.parametrize("run", ["", "77; id", "-1"])
def test_outside_a_workflow(approved: Counter, run: str) -> None:
    approved.refuses(*publish(approved), why="made by their workflow", GITHUB_RUN_ID=run)


def test_nobody_knows_who_asks(approved: Counter) -> None:
    nobody = {"GITHUB_ACTOR": "", "GITHUB_TRIGGERING_ACTOR": ""}
    approved.refuses(*publish(approved), why="GITHUB_ACTOR is not set", **nobody)


@pytest.mark.parametrize("case", SETTINGS)
def test_production_was_opened_meanwhile(approved: Counter, case: str) -> None:
    spoil, why = SETTINGS[case]
    spoil(approved, approved.newer)
    approved.refuses(*publish(approved), why=why)


@pytest.mark.parametrize("case", DELIVERY)
def test_the_delivery_was_changed_meanwhile(approved: Counter, case: str) -> None:
    spoil, why = DELIVERY[case]
    spoil(approved, approved.newer)
    approved.refuses(*publish(approved), why=why)


def test_another_champion_than_on_the_page(approved: Counter) -> None:
    given = ("publish", approved.newer.tag, "--approved", approved.newer.digest)
    why = f"{approved.older.tag} serves production now, but the page that was approved"
    approved.refuses(*given, "--beside", "nobody", why=why)


def test_the_champion_is_gone(approved: Counter) -> None:
    approved.github.release(approved.older.tag)["prerelease"] = True
    approved.refuses(*publish(approved), why="nobody serves production now")


def test_one_404_is_not_the_word_that_nobody_serves(approved: Counter) -> None:
    approved.hide_latest()
    given = ("publish", approved.newer.tag, "--approved", approved.newer.digest)
    approved.refuses(*given, "--beside", "nobody", why="GitHub names no latest release")


def test_already_released(approved: Counter) -> None:
    approved.make_champion(approved.newer.tag)
    approved.refuses(*publish(approved), why="is a full release already")


def test_github_calls_another_the_latest(approved: Counter) -> None:
    older = approved.github.release(approved.older.tag)
    approved.github.interfere = lambda _, path, writes: (
        (200, older) if writes and path.endswith("/latest") else None
    )
    ran = approved.run(*publish(approved))
    assert ran.status == 2
    assert f"GitHub calls {approved.older.tag} the latest, not {approved.newer.tag}" in ran.line


def test_another_version_was_released_at_the_same_time(approved: Counter) -> None:
    other = "v2026.01.09-aaaaaaaaaaaa"
    later = approved.github.release(approved.older.tag) | {"id": 9999, "tag_name": other}

    def meanwhile(verb: str, *_: object) -> None:
        if verb == "PATCH" and later not in approved.github.releases:
            approved.github.releases.append(later)

    approved.github.interfere = meanwhile
    ran = approved.run(*publish(approved))
    assert ran.status == 2
    assert f"{other} became a full release while {approved.newer.tag} did" in ran.line


@pytest.mark.parametrize("where", ["", "/approvals", "/environments/", "/releases/assets/"])
def test_github_refuses(approved: Counter, where: str) -> None:
    limit = (403, {"message": "API rate limit exceeded"})
    approved.github.interfere = lambda _, path, __: limit if where in path else None
    approved.refuses(*publish(approved), why="API rate limit exceeded")
