"""The canary is approved, recorded and fetched only by its digest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.releases.attested import attest, sha256
from support.releases.repository import RUN, Repository
from support.releases.sabotage import SETTINGS

RECORD = "out/approval/desired.json"


@pytest.fixture
def asked(released: Repository) -> Repository:
    """The older version is the champion; hubot has approved the newer one as the canary."""
    released.github.approve(RUN, "hubot", "canary")
    return released


def desire(repository: Repository, **changed: str) -> tuple[str, ...]:
    given = {"approved": repository.newer.digest, "champion": repository.older.tag, **changed}
    page = [word for name, value in given.items() for word in (f"--{name}", value)]
    return ("approval", "desire", repository.newer.tag, *page)


def fetch(repository: Repository, digest: str | None = None) -> tuple[str, ...]:
    return (
        "delivery",
        "fetch",
        repository.newer.tag,
        "--approved",
        digest or repository.newer.digest,
    )


def test_the_planned_canary_is_recorded(asked: Repository) -> None:
    asked.run(*desire(asked)).went_well()
    said: dict[str, Any] = json.loads((asked.root / RECORD).read_bytes())
    delivery = asked.newer.delivery
    assert said.pop("run").endswith(f"/actions/runs/{RUN}")
    rollout = said.pop("rollout")
    assert (rollout["steps"], rollout["promotion"]) == ([1, 5, 10, 25, 50], "approval")
    assert said == {
        "version": delivery.version,
        "digest": asked.newer.digest,
        "approver": "hubot",
        "champion": asked.older.tag,
        "package": delivery.files[delivery.package],
        "image": delivery.image,
    }
    assert not asked.github.writes


def test_an_approval_for_production_does_not_count_for_the_canary(released: Repository) -> None:
    released.github.approve(RUN, "hubot")
    released.refuses(*desire(released), why=f"run {RUN} was not approved for canary by anyone")
    assert not (released.root / RECORD).exists()


def test_an_approval_for_the_canary_does_not_count_for_production(asked: Repository) -> None:
    given = ("approval", "confirm", *desire(asked)[2:])
    asked.refuses(*given, why=f"run {RUN} was not approved for production by anyone")


def test_another_digest(asked: Repository) -> None:
    asked.refuses(*desire(asked, approved="0" * 64), why="was approved; nothing is released")
    assert not (asked.root / RECORD).exists()


def test_another_version_was_released_meanwhile(asked: Repository) -> None:
    why = f"the champion is {asked.older.tag} now, but the approved page compares with none"
    asked.refuses(*desire(asked, champion="none"), why=why)


@pytest.mark.parametrize("case", ["no reviewers of the canary", "self-review"])
def test_an_environment_that_waits_for_nobody(asked: Repository, case: str) -> None:
    sabotage, why = SETTINGS[case]
    sabotage(asked, asked.newer)
    asked.refuses(*desire(asked), why=why)


def test_the_package_is_fetched_by_the_approved_digest(released: Repository) -> None:
    released.run(*fetch(released)).went_well()
    package = released.root / "out/candidate/package.tar"
    assert package.read_bytes() == released.newer.package.read_bytes()
    assert not released.github.writes


def test_another_package_is_not_fetched(released: Repository) -> None:
    released.refuses(*fetch(released, "0" * 64), why=f"but {'0' * 64} was approved")
    other = json.dumps(json.loads((released.newer.folder / "delivery.json").read_bytes())).encode()
    released.github.swap(released.newer.tag, "delivery.json", other)
    released.refuses(*fetch(released), why=f"{released.newer.digest} was approved")
    # The page can show the digest of a file that the workflow did not build.
    released.refuses(*fetch(released, sha256(other)), why="there is no attestation that")
    attest(released.attestations, sha256(other), released.newer.delivery.commit)
    released.github.swap(released.newer.tag, released.newer.delivery.package, b"another")
    released.refuses(*fetch(released, sha256(other)), why="is not the one in delivery.json")
    assert not (released.root / "out/candidate/package.tar").exists()


def test_a_version_that_is_not_there(released: Repository) -> None:
    given = ("delivery", "fetch", "2026.01.02-0123456789ab", "--approved", "0" * 64)
    released.refuses(*given, why="there is no release v2026.01.02-0123456789ab")
