"""An earlier full release becomes the champion again: with a reason, and an approval."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sluice.delivery.attestation import APPROVAL
from support.releases.attested import approve
from support.releases.counter import RUN, Counter
from support.releases.spoiled import DELIVERY, SETTINGS, STARTERS

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


def preflight(counter: Counter) -> str:
    """The page."""
    counter.run("preflight", counter.older.tag, "--reason", REASON).went_well()
    return (counter.root / "out/release/approval.md").read_text("utf-8")


@pytest.mark.parametrize("case", STARTERS)
def test_a_starter_that_is_no_person(later: Counter, case: str) -> None:
    actor, again, named = STARTERS[case]
    env = later.started_by(actor, again)
    why = f"{named} started this, and GitHub does not say that this is a person"
    later.refuses(*rollback(later), why=why, **env)


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
    assert not later.github.writes


def test_it_lacks_some_of_what_it_replaces_and_the_other_way_round(later: Counter) -> None:
    later.github.commits = [{"sha": "c" * 40, "commit": {"message": "What broke it"}}]
    later.github.astray = [{"sha": "d" * 40, "commit": {"message": "Never reviewed"}}]
    text = preflight(later)
    assert "1 commit would come, 1 commit would be taken back**\n\n" in text
    assert "Would come:\n\n- Never reviewed (`ddddddd`)\n\n" in text
    assert "Would be taken back:\n\n- What broke it (`ccccccc`)\n" in text


def test_forward_is_no_way_back(released: Counter) -> None:
    """It was approved once, made a pre-release again, and then full by hand."""
    released.github.release(released.newer.tag)["prerelease"] = False
    released.github.approve(RUN, "hubot")
    approve(released.notes, released.newer.digest)
    newer, why = released.newer, f"is ahead of {released.older.tag}, which serves production"
    ran = released.refuses(
        "preflight", newer.tag, "--reason", REASON, why="so this is no way back", status=1
    )
    assert f"{newer.tag} {why}" in ran.line
    given = ("rollback", newer.tag, "--reason", REASON, "--approved", newer.digest)
    released.refuses(*given, "--beside", released.older.tag, why=why)


def damaged(counter: Counter) -> str:
    assets = counter.github.release(counter.newer.tag)["assets"]
    assets.remove(counter.github.asset(counter.newer.tag, "delivery.json"))
    return counter.newer.tag


def unattested(counter: Counter) -> str:
    (counter.notes / f"{counter.newer.digest}.provenance.json").unlink()
    return counter.newer.tag


def by_hand(counter: Counter) -> str:
    made = {"id": 9999, "tag_name": "docs-1.0", "assets": [], "target_commitish": "d" * 40}
    counter.github.releases.append(counter.github.release(counter.newer.tag) | made)
    counter.github.tags["docs-1.0"] = {"sha": "d" * 40, "type": "commit"}
    counter.github.latest = 9999
    return "docs-1.0"


@pytest.mark.parametrize("champion", [damaged, unattested, by_hand])
def test_away_from_a_champion_that_cannot_be_read(
    later: Counter, champion: Callable[[Counter], str]
) -> None:
    serves = champion(later)
    later.github.commits = [{"sha": "c" * 40, "commit": {"message": "What broke it"}}]
    text = preflight(later)
    assert (
        f"| version | {later.older.made.version} | The champion {serves} cannot be read: " in text
    )
    assert f"- ⚠️ **preflight/champion**: The champion {serves} cannot be read: " in text
    assert "- What broke it (`ccccccc`)\n" in text
    given = ("rollback", later.older.tag, "--reason", REASON, "--approved", later.older.digest)
    later.run(*given, "--beside", serves).went_well()
    assert later.champion() == later.older.tag


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


def test_releases_of_other_things_are_left(later: Counter) -> None:
    later.github.releases.append(
        later.github.release(later.newer.tag)
        | {"id": 9999, "tag_name": "datasets-1.0", "published_at": "2027-01-01T00:00:00Z"}
    )
    held = dict(later.github.release("datasets-1.0"))
    later.run(*rollback(later)).went_well()
    assert later.champion() == later.older.tag
    assert later.github.release("datasets-1.0") == held


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


@pytest.mark.parametrize("reason", ["\u3164" * 12, "\u2800" * 12, "\uffa0" * 12, ". " * 12])
def test_a_reason_without_words(later: Counter, reason: str) -> None:
    later.refuses(*rollback(later, reason), why="expected a reason in words, of 5 letters or more")


@pytest.mark.parametrize(
    "reason", ["", "broken", "           .           ", "x" * 501, "\u200b" * 12, "no\u200b" * 3]
)
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


def test_a_version_that_was_made_full_by_hand(later: Counter) -> None:
    (later.notes / f"{later.older.digest}.{APPROVAL}.json").unlink()
    why = "release.yml on main says that it was approved"
    later.refuses(*rollback(later), why=why)
    given = ("preflight", later.older.tag, "--reason", REASON)
    later.refuses(*given, why=why, status=1)


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
