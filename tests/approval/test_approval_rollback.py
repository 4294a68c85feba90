"""An earlier full release becomes the champion again, with a reason and an approval."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from sluice.delivery.publication import APPROVED, DESIRED, RELEASED, REVOKED
from support.releases.attested import EARLIER, approve, attest, forget, release
from support.releases.repository import RUN, Repository
from support.releases.sabotage import DELIVERY, SETTINGS, STARTERS

REASON = "Refuses everyone who is 40, since this morning"
HOSTILE = "@octocat <script>x</script> </details> | `id` $(id) ![x](http://example.org) #1\n# Fine"


@pytest.fixture
def later(released: Repository) -> Repository:
    """Both versions are full releases, the newer one is the champion, and hubot has approved."""
    released.make_champion(released.newer.tag)
    released.github.approve(RUN, "hubot")
    return released


def rollback(
    repository: Repository, reason: str = REASON, champion: str | None = None
) -> tuple[str, ...]:
    """The command that goes back to the older version."""
    version = ("approval", "rollback", repository.older.delivery.version, "--reason", reason)
    page = ("--champion", champion or repository.newer.tag, "--approved", repository.older.digest)
    return (*version, *page)


def preflight(repository: Repository) -> str:
    """The page to approve."""
    repository.run("approval", "preflight", repository.older.tag, "--reason", REASON).went_well()
    return (repository.root / "out/approval/approval.md").read_text("utf-8")


@pytest.mark.parametrize("case", STARTERS)
def test_a_starter_that_is_not_a_person(later: Repository, case: str) -> None:
    actor, again, named = STARTERS[case]
    env = later.started_by(actor, again)
    why = f"GitHub does not say that {named}, who started this run, is a person"
    later.refuses(*rollback(later), why=why, **env)


def bodies(repository: Repository) -> tuple[str, str]:
    older, newer = (
        repository.github.release(one.tag) for one in (repository.older, repository.newer)
    )
    return older["body"], newer["body"]


def test_the_older_is_the_champion_again(later: Repository) -> None:
    later.run_process(*rollback(later)).went_well()
    assert later.champion() == later.older.tag
    assert later.github.release(later.newer.tag)["prerelease"]
    older, newer = bodies(later)
    said = f"approved by hubot in [run {RUN}]"
    assert f"The champion again, {said}" in older
    assert f"Rolled back to {later.older.tag}, {said}" in newer
    assert older.count(REASON) == newer.count(REASON) == 1
    assert later.newer.digest in newer


def revoking(repository: Repository) -> tuple[str, ...]:
    """The command that runs before the rollback; it writes what the workflow attests."""
    return ("approval", "revoke", *rollback(repository)[2:])


def test_a_revoked_release_no_longer_counts(later: Repository) -> None:
    """The revocation is attested before anything changes, so an interruption cannot prevent it."""
    later.run(*revoking(later)).went_well()
    assert not later.github.writes
    folder = later.root / "out/approval"
    said = json.loads((folder / "rollback.json").read_bytes())
    taken = {"digest": later.newer.digest, "runs": [EARLIER]}
    assert said["revokes"] == [{"version": later.newer.delivery.version, **taken}]
    assert (said["digest"], said["reason"]) == (later.older.digest, REASON)
    subjects = (folder / "subjects.txt").read_text("utf-8").splitlines()
    assert subjects == [f"{one.digest}  delivery.json" for one in (later.older, later.newer)]
    # Attested as by the workflow; then it is made full by hand.
    for digest in (later.older.digest, later.newer.digest):
        kept = {"workflow": "Roll back", "kind": REVOKED, "run": RUN, "predicate": said}
        attest(later.attestations, digest, "e" * 40, **kept)
    later.run(*rollback(later)).went_well()
    later.make_full(later.newer.tag)
    why = f"run {EARLIER} released it, and a rollback has revoked that"
    assert why in later.run("champion", "fetch").line
    later.github.latest = later.github.release(later.older.tag)["id"]
    later.run("champion", "fetch").went_well()


def test_a_later_version_that_cannot_be_read_is_not_revoked(later: Repository) -> None:
    damaged(later)
    ran = later.run(*revoking(later)).went_well()
    assert f"{later.newer.tag}: what was released is not known, so it is not revoked" in ran.out
    said = json.loads((later.root / "out/approval/rollback.json").read_bytes())
    assert said["revokes"] == []


def test_what_is_revoked_was_approved(later: Repository) -> None:
    later.github.approvals.clear()
    later.refuses(*revoking(later), why=f"run {RUN} was not approved for production")
    later.refuses(*revoking(later)[:3], "--reason", "?", *rollback(later)[5:], why="characters")
    assert not (later.root / "out/approval").exists()


def test_the_approval_of_a_rollback_is_confirmed(later: Repository) -> None:
    given = ("approval", "confirm", *rollback(later)[2:])
    later.run(*given).went_well()
    said = json.loads((later.root / "out/approval/approval.json").read_bytes())
    assert (said["digest"], said["approver"]) == (later.older.digest, "hubot")
    later.github.approvals.clear()
    later.refuses(*given, why=f"run {RUN} was not approved for production")


def test_the_page_to_approve(later: Repository) -> None:
    later.github.commits = [{"sha": "c" * 40, "commit": {"message": "What broke it"}}]
    outputs = later.root / "outputs"
    given = (
        "approval",
        "preflight",
        later.older.tag,
        "--reason",
        REASON,
        "--outputs",
        str(outputs),
    )
    later.run_process(*given).went_well()
    assert outputs.read_text("utf-8") == (
        f"digest={later.older.digest}\nchampion={later.newer.tag}\nenvironment=production\n"
    )
    text = (later.root / "out/approval/approval.md").read_text("utf-8")
    assert text.startswith(f"# 🔎 Roll production back to {later.older.tag}? {REASON}\n")
    assert "## What would be rolled back\n\n- What broke it (`ccccccc`)\n" in text
    assert not later.github.writes


def test_each_version_has_commits_that_the_other_lacks(later: Repository) -> None:
    later.github.commits = [{"sha": "c" * 40, "commit": {"message": "What broke it"}}]
    later.github.astray = [{"sha": "d" * 40, "commit": {"message": "Never reviewed"}}]
    text = preflight(later)
    assert "1 commit would be added, 1 commit would be rolled back**\n\n" in text
    assert "Would be added:\n\n- Never reviewed (`ddddddd`)\n\n" in text
    assert "Would be rolled back:\n\n- What broke it (`ccccccc`)\n" in text


def test_a_later_version_is_not_a_rollback(released: Repository) -> None:
    """The later version was approved once, became a pre-release again, and was made full by
    hand.
    """
    released.github.release(released.newer.tag)["prerelease"] = False
    released.github.approve(RUN, "hubot")
    release(released.attestations, released.newer.digest)
    newer, why = released.newer, f"is ahead of the champion {released.older.tag}"
    ran = released.refuses(
        "approval",
        "preflight",
        newer.tag,
        "--reason",
        REASON,
        why="so this is not a rollback",
        status=1,
    )
    assert f"{newer.tag} {why}" in ran.line
    given = ("approval", "rollback", newer.tag, "--reason", REASON, "--approved", newer.digest)
    released.refuses(*given, "--champion", released.older.tag, why=why)


def damaged(repository: Repository) -> str:
    assets = repository.github.release(repository.newer.tag)["assets"]
    assets.remove(repository.github.asset(repository.newer.tag, "delivery.json"))
    return repository.newer.tag


def unattested(repository: Repository) -> str:
    forget(repository.attestations, repository.newer.digest)
    return repository.newer.tag


def by_hand(repository: Repository) -> str:
    made = {"id": 9999, "tag_name": "docs-1.0", "assets": [], "target_commitish": "d" * 40}
    repository.github.releases.append(repository.github.release(repository.newer.tag) | made)
    repository.github.tags["docs-1.0"] = {"sha": "d" * 40, "type": "commit"}
    repository.github.latest = 9999
    return "docs-1.0"


@pytest.mark.parametrize("champion", [damaged, unattested, by_hand])
def test_rollback_from_a_champion_that_cannot_be_read(
    later: Repository, champion: Callable[[Repository], str]
) -> None:
    serves = champion(later)
    later.github.commits = [{"sha": "c" * 40, "commit": {"message": "What broke it"}}]
    text = preflight(later)
    assert (
        f"| version | {later.older.delivery.version} | the champion {serves} cannot be read: "
        in text
    )
    assert f"- ⚠️ **preflight/champion**: the champion {serves} cannot be read: " in text
    assert "- What broke it (`ccccccc`)\n" in text
    later.run(*rollback(later, champion=serves)).went_well()
    assert later.champion() == later.older.tag


def test_it_can_be_released_again(later: Repository) -> None:
    later.run(*rollback(later)).went_well()
    newer = later.newer
    for kind in (APPROVED, DESIRED):
        approve(later.attestations, newer.digest, run=RUN, kind=kind)
    given = ("approval", "release", newer.tag, "--approved", newer.digest)
    later.run(*given, "--champion", later.older.tag).went_well()
    assert later.champion() == newer.tag
    assert not later.github.release(newer.tag)["prerelease"]


@pytest.mark.parametrize("number", [1, 2])
def test_after_a_failure_the_same_call_completes(later: Repository, number: int) -> None:
    broken = (502, {"message": "Bad gateway"})
    later.github.interfere = lambda verb, _, n: broken if verb == "PATCH" and n == number else None
    ran = later.run(*rollback(later))
    assert ran.status == 2
    assert "GitHub answered 502" in ran.line
    assert later.champion() == (later.newer.tag if number == 1 else later.older.tag)
    later.run(*rollback(later)).went_well()
    assert later.champion() == later.older.tag
    assert later.github.release(later.newer.tag)["prerelease"]
    assert [body.count(REASON) for body in bodies(later)] == [1, 1]


def test_releases_of_other_things_are_left(later: Repository) -> None:
    later.github.releases.append(
        later.github.release(later.newer.tag)
        | {"id": 9999, "tag_name": "datasets-1.0", "published_at": "2027-01-01T00:00:00Z"}
    )
    held = dict(later.github.release("datasets-1.0"))
    later.run(*rollback(later)).went_well()
    assert later.champion() == later.older.tag
    assert later.github.release("datasets-1.0") == held


def test_a_hostile_reason_is_inert(later: Repository) -> None:
    before = bodies(later)
    later.run(*rollback(later, HOSTILE)).went_well()
    for old, new in zip(before, bodies(later), strict=True):
        added = new.removeprefix(old.rstrip()).strip()
        said = added.partition(". Reason: ")[2]
        assert "script" in said
        assert not re.search(r"[<>|`\[\]$\n]|@o|(?<!&)#\d|://", said), said


def test_a_hostile_reason_is_inert_on_the_page(later: Repository) -> None:
    later.run("approval", "preflight", later.older.tag, "--reason", HOSTILE).went_well()
    head = (later.root / "out/approval/approval.md").read_text("utf-8").split("\n")[0]
    assert not re.search(r"[<>|`\[\]$]|@o|(?<!&)#\d|://", head.removeprefix("# ")), head


@pytest.mark.parametrize("reason", ["\u3164" * 12, "\u2800" * 12, "\uffa0" * 12, ". " * 12])
def test_a_reason_without_words(later: Repository, reason: str) -> None:
    later.refuses(*rollback(later, reason), why="the reason has fewer than 5 letters")


@pytest.mark.parametrize(
    "reason", ["", "broken", "           .           ", "x" * 501, "\u200b" * 12, "no\u200b" * 3]
)
def test_a_reason_of_the_wrong_length(later: Repository, reason: str) -> None:
    why = "characters: write one of 10 to 500"
    later.refuses(*rollback(later, reason), why=why)
    given = ("approval", "preflight", later.older.tag, "--reason", reason)
    later.refuses(*given, why=why, status=1)


def test_no_reason(later: Repository) -> None:
    given = ("--approved", later.older.digest, "--champion", "x")
    ran = later.run("approval", "rollback", later.older.tag, *given)
    assert ran.status == 2
    assert "--reason" in ran.err
    assert not later.github.requests


def test_a_version_that_does_not_exist(later: Repository) -> None:
    given = rollback(later)[3:]
    later.refuses(
        "approval",
        "rollback",
        "2026.01.02-0123456789ab",
        *given,
        why="there is no release v2026.01.02-0123456789ab",
    )


def test_a_version_that_was_made_full_by_hand(later: Repository) -> None:
    forget(later.attestations, later.older.digest, RELEASED)
    why = "release.yml on main that it was approved and released"
    later.refuses(*rollback(later), why=why)
    given = ("approval", "preflight", later.older.tag, "--reason", REASON)
    later.refuses(*given, why=why, status=1)


def test_a_version_that_was_never_released(later: Repository) -> None:
    later.github.release(later.older.tag)["prerelease"] = True
    later.refuses(*rollback(later), why="is a pre-release, and only a full release can be")


def test_the_champion_already(later: Repository) -> None:
    given = ("approval", "preflight", later.newer.tag, "--reason", REASON)
    later.refuses(*given, why="is the champion already", status=1)


def test_another_digest(later: Repository) -> None:
    given = [*rollback(later)[:-1], later.newer.digest]
    later.refuses(*given, why="was approved; nothing is released")


def test_not_approved(later: Repository) -> None:
    later.github.approvals.clear()
    later.refuses(
        *rollback(later),
        why=f"run {RUN} was not approved for production",
    )


@pytest.mark.parametrize("case", ["no reviewers", "self-review", "every branch"])
def test_production_no_longer_waits_for_someone_else(later: Repository, case: str) -> None:
    sabotage, why = SETTINGS[case]
    sabotage(later, later.older)
    later.refuses(*rollback(later), why=why)


@pytest.mark.parametrize("case", ["the package swapped", "delivery.json swapped", "a moved tag"])
def test_the_older_version_was_changed_before_the_rollback(later: Repository, case: str) -> None:
    sabotage, why = DELIVERY[case]
    sabotage(later, later.older)
    later.refuses(*rollback(later), why=why)
