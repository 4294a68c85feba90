"""An earlier full release becomes the champion again: with a reason, and an approval."""

from __future__ import annotations

import re

import pytest
from counter import RUN, Counter
from spoiled import DELIVERY, SETTINGS

REASON = "Refuses everyone who is 40, since this morning"
HOSTILE = "@octocat <script>x</script> </details> | `id` $(id) ![x](http://example.org) #1\n# Fine"


@pytest.fixture
def later(released: Counter) -> Counter:
    """The newer one is the champion, the older a full release too; hubot has approved."""
    released.make_champion(released.newer.tag)
    released.github.approve(RUN, "hubot")
    return released


def rollback(counter: Counter, reason: str = REASON) -> tuple[str, ...]:
    given = ("rollback", counter.older.made.version, "--reason", reason)
    return (*given, "--beside", counter.newer.tag, "--approved", counter.older.digest)


def bodies(counter: Counter) -> tuple[str, str]:
    older, newer = (counter.github.release(one.tag) for one in (counter.older, counter.newer))
    return older["body"], newer["body"]


def test_the_older_is_the_champion_again(later: Counter) -> None:
    later.typed(*rollback(later)).went_well()
    assert later.champion() == later.older.tag
    assert later.github.release(later.newer.tag)["prerelease"]
    older, newer = bodies(later)
    said = f"approved by hubot in [run {RUN}]"
    assert f"The champion again, {said}" in older
    assert f"Rolled back to {later.older.tag}, {said}" in newer
    assert older.count(REASON) == newer.count(REASON) == 1
    assert later.newer.digest in newer


def test_what_is_asked_of_the_approver(later: Counter) -> None:
    later.github.commits = [{"sha": "c" * 40, "commit": {"message": "What broke it"}}]
    outputs = later.root / "outputs"
    given = ("preflight", later.older.tag, "--reason", REASON, "--outputs", str(outputs))
    later.typed(*given).went_well()
    assert outputs.read_text("utf-8") == (
        f"digest={later.older.digest}\nbeside={later.newer.tag}\n"
    )
    text = (later.root / "out/release/approval.md").read_text("utf-8")
    assert text.startswith(f"# 🔎 Roll production back to {later.older.tag}? {REASON}\n")
    assert "## What would be taken back\n\n- What broke it (`ccccccc`)\n" in text
    compared = [path for _, path, _ in later.github.requests if "/compare/" in path]
    ends = f"{later.older.made.commit}...{later.newer.made.commit}"
    assert [path.partition("/compare/")[2].partition("?")[0] for path in compared] == [ends]
    assert not later.github.writes


def test_and_forth_again(later: Counter) -> None:
    later.run(*rollback(later)).went_well()
    newer = later.newer
    given = ("publish", newer.tag, "--approved", newer.digest, "--beside", later.older.tag)
    later.run(*given).went_well()
    assert later.champion() == newer.tag
    assert not later.github.release(newer.tag)["prerelease"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_failure_half_way_and_the_same_call_completes(later: Counter, number: int) -> None:
    broken = (502, {"message": "Bad gateway"})
    later.github.interfere = lambda verb, _, n: broken if verb == "PATCH" and n == number else None
    ran = later.run(*rollback(later))
    assert ran.status == 2
    assert "GitHub answers 502" in ran.line
    assert later.champion() == (later.newer.tag if number == 1 else later.older.tag)
    later.run(*rollback(later)).went_well()
    assert later.champion() == later.older.tag
    assert later.github.release(later.newer.tag)["prerelease"]
    assert [body.count(REASON) for body in bodies(later)] == [1, 1]


def test_a_hostile_reason_is_inert(later: Counter) -> None:
    before = bodies(later)
    later.run(*rollback(later, HOSTILE)).went_well()
    for old, new in zip(before, bodies(later), strict=True):
        added = new.removeprefix(old.rstrip()).strip()
        said = added.partition(". Reason: ")[2]
        assert "script" in said
        assert not re.search(r"[<>|`\[\]$\n]|@o|(?<!&)#\d|://", said), said


def test_a_hostile_reason_is_inert_on_the_page(later: Counter) -> None:
    later.run("preflight", later.older.tag, "--reason", HOSTILE).went_well()
    head = (later.root / "out/release/approval.md").read_text("utf-8").split("\n")[0]
    assert not re.search(r"[<>|`\[\]$]|@o|(?<!&)#\d|://", head.removeprefix("# ")), head


@pytest.mark.parametrize("reason", ["", "broken", "           .           ", "x" * 501])
def test_a_reason_that_says_nothing(later: Counter, reason: str) -> None:
    why = "expected a reason of 10 to 500 characters"
    later.refuses(*rollback(later, reason), why=why)
    given = ("preflight", later.older.tag, "--reason", reason)
    later.refuses(*given, why=why, status=1)


def test_no_reason(later: Counter) -> None:
    with pytest.raises(SystemExit):
        later.run("rollback", later.older.tag, "--approved", later.older.digest, "--beside", "x")
    assert "--reason" in later.capfd.readouterr().err
    assert not later.github.requests


def test_a_version_that_is_not_there(later: Counter) -> None:
    given = rollback(later)[2:]
    later.refuses(
        "rollback",
        "2026.01.02-0123456789ab",
        *given,
        why="there is no release v2026.01.02-0123456789ab",
    )


def test_a_version_that_was_never_released(later: Counter) -> None:
    later.github.release(later.older.tag)["prerelease"] = True
    later.refuses(*rollback(later), why="is a pre-release; release.yml releases it")


def test_the_champion_already(later: Counter) -> None:
    given = ("preflight", later.newer.tag, "--reason", REASON)
    later.refuses(*given, why="is the champion already", status=1)


def test_another_digest(later: Counter) -> None:
    given = [*rollback(later)[:-1], later.newer.digest]
    later.refuses(*given, why="was approved: nothing is released")


def test_not_approved(later: Counter) -> None:
    later.github.approvals.clear()
    later.refuses(*rollback(later), why=f"nobody but who started run {RUN} has approved it")


@pytest.mark.parametrize("case", ["no reviewers", "self-review", "every branch"])
def test_production_was_opened(later: Counter, case: str) -> None:
    spoil, why = SETTINGS[case]
    spoil(later, later.older)
    later.refuses(*rollback(later), why=why)


@pytest.mark.parametrize("case", ["the package swapped", "delivery.json swapped", "a moved tag"])
def test_the_older_was_changed_meanwhile(later: Counter, case: str) -> None:
    spoil, why = DELIVERY[case]
    spoil(later, later.older)
    later.refuses(*rollback(later), why=why)
