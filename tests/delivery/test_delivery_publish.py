"""A delivery becomes a pre-release completely and once, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from support.github.fake_github import FakeGitHub
from support.github.server import serve
from support.releases.repository import Repository
from support.releases.versions import Version

BROKEN = (502, {"message": "Bad gateway"})


@pytest.fixture
def ready(bare: Repository) -> Repository:
    """The newer version is in out/delivery, and GitHub has no release."""
    shutil.copytree(bare.newer.folder, bare.root / "out/delivery")
    return bare


def assets(github: FakeGitHub, version: Version) -> dict[str, bytes]:
    release = github.release(version.tag)
    return {one["name"]: github.kept[one["id"]] for one in release["assets"]}


def contents(version: Version) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in version.folder.iterdir()}


def break_upload(repository: Repository, number: int) -> None:
    """GitHub fails at the upload with this number, counted from 1."""
    stored, seen = repository.github.stored, []

    def failing(verb: str, target: str, headers: Any, raw: bytes) -> Any:
        if target.startswith("/uploads/"):
            seen.append(target)
            if len(seen) == number:
                return BROKEN
        return stored(verb, target, headers, raw)

    repository.github.stored = failing


def test_it_becomes_a_pre_release_with_every_file(ready: Repository) -> None:
    ran = ready.run_process("delivery", "publish").went_well()
    (release,) = ready.github.releases
    assert (release["draft"], release["prerelease"]) == (False, True)
    assert release["target_commitish"] == ready.newer.delivery.commit
    assert assets(ready.github, ready.newer) == contents(ready.newer)
    assert ready.champion() is None
    assert ready.newer.digest in ran.out
    assert ready.newer.digest in release["body"]
    verbs = [(verb, body.get("draft")) for verb, _, body in ready.github.writes]
    assert verbs == [("POST", True), ("PATCH", False)]


def test_the_same_delivery_again_changes_nothing(ready: Repository) -> None:
    ready.run("delivery", "publish").went_well()
    held, ready.github.requests = ready.state(), []
    assert "already exists with the same files" in ready.run("delivery", "publish").went_well().out
    assert ready.state() == held
    assert not ready.github.writes


def other_package(repository: Repository) -> None:
    repository.deliver_both()
    repository.github.swap(repository.newer.tag, repository.newer.delivery.package, b"another")


def released(repository: Repository) -> None:
    repository.deliver_both()
    repository.github.swap(repository.newer.tag, "report.md", b"all is well")
    repository.github.release(repository.newer.tag)["prerelease"] = False


def without_digests(repository: Repository) -> None:
    repository.deliver_both()
    for asset in repository.github.release(repository.newer.tag)["assets"]:
        asset["digest"] = None


def immutable(repository: Repository) -> None:
    repository.deliver_both()
    repository.github.swap(repository.newer.tag, "load.json", b"measured before")
    repository.github.release(repository.newer.tag)["immutable"] = True


def tagged(repository: Repository) -> None:
    repository.github.tags[repository.newer.tag] = {"sha": "f" * 40, "type": "commit"}


def changed_here(repository: Repository) -> None:
    (repository.root / "out/delivery/report.md").write_text("all is well", "utf-8")


def more_here(repository: Repository) -> None:
    (repository.root / "out/delivery/more.txt").touch()


def gone_here(repository: Repository) -> None:
    (repository.root / "out/delivery/load.json").unlink()


def renamed_here(repository: Repository) -> None:
    file = repository.root / "out/delivery/delivery.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"commit": "c" * 40}), "utf-8")


def nothing_here(repository: Repository) -> None:
    shutil.rmtree(repository.root / "out/delivery")


def test_new_evidence_for_the_same_package_replaces_the_release(ready: Repository) -> None:
    """The new evidence is like that of a second run, which compares with the current champion and
    measures again.
    """
    other_evidence(ready)
    ready.add_asset(ready.newer.tag, "more.txt", b"x")
    ready.run("delivery", "publish").went_well()
    (release,) = ready.github.releases
    assert (release["draft"], release["prerelease"]) == (False, True)
    assert assets(ready.github, ready.newer) == contents(ready.newer)
    assert release["body"].endswith("Rolled back to v1, because it was no good.\n")


def other_evidence(repository: Repository) -> dict[str, Any]:
    """The version was delivered and rolled back, and GitHub has different evidence than this
    folder.
    """
    repository.run("delivery", "publish").went_well()
    there = repository.github.release(repository.newer.tag)
    there["body"] += "Rolled back to v1, because it was no good.\n"
    repository.github.swap(repository.newer.tag, "load.json", b"measured before")
    return there


def promoted(there: dict[str, Any], repository: Repository) -> None:
    """Someone makes the pre-release a full release."""
    there["prerelease"] = False
    repository.github.latest = there["id"]


def noted(there: dict[str, Any], _: Repository) -> None:
    there["body"] += "And once more.\n"


def replaced(there: dict[str, Any], _: Repository) -> None:
    there["id"] = 9999


def taken_away(there: dict[str, Any], repository: Repository) -> None:
    repository.github.releases.remove(there)


@pytest.mark.parametrize("change", [promoted, noted, replaced, taken_away])
def test_a_release_that_is_changed_during_the_upload_is_kept(
    ready: Repository, change: Callable[[dict[str, Any], Repository], None]
) -> None:
    there = other_evidence(ready)
    stored = ready.github.stored

    def meanwhile(verb: str, target: str, headers: Any, raw: bytes) -> Any:
        if target.endswith("=staging.md"):
            change(there, ready)
        return stored(verb, target, headers, raw)

    ready.github.stored = meanwhile
    ran = ready.run("delivery", "publish")
    assert ran.status == 2
    assert "was changed by someone else during the upload" in ran.line
    assert ready.github.releases == ([] if change is taken_away else [there])
    assert ready.champion() == (ready.newer.tag if change is promoted else None)


def test_history_survives_a_run_that_fails_after_the_old_release_was_deleted(
    ready: Repository,
) -> None:
    other_evidence(ready)
    ready.github.interfere = lambda verb, *_: BROKEN if verb == "PATCH" else None
    assert ready.run("delivery", "publish").status == 2
    assert [one["draft"] for one in ready.github.releases] == [True]
    ready.github.interfere = lambda *_: None
    ready.run("delivery", "publish").went_well()
    (release,) = ready.github.releases
    assert not release["draft"]
    assert release["body"].endswith("Rolled back to v1, because it was no good.\n")


REFUSED: dict[str, tuple[Callable[[Repository], None], str]] = {
    "another package is there": (other_package, "already exists with another package"),
    "GitHub states no digests": (without_digests, "already exists with another package"),
    "a full release": (released, "is a full release, which is never replaced"),
    "an immutable release": (
        immutable,
        "is an immutable release, and GitHub allows no other release",
    ),
    "a tag at another commit": (
        tagged,
        "The ruleset 'releases' prevents its deletion, so merge another commit, whose version has",
    ),
    "a changed file": (changed_here, "report.md was changed"),
    "a file too many": (more_here, "more.txt is not listed in delivery.json"),
    "a missing file": (gone_here, "load.json is missing"),
    "another commit": (renamed_here, f"of the commit {'c' * 40}, but the manifest"),
    "no delivery": (nothing_here, "delivery.json is missing; run 'sluice delivery assemble'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(ready: Repository, case: str) -> None:
    sabotage, why = REFUSED[case]
    sabotage(ready)
    ready.refuses("delivery", "publish", why=why)


@pytest.mark.parametrize("number", [1, 4])
def test_a_failed_upload_leaves_a_draft_and_the_next_run_completes_it(
    ready: Repository, number: int
) -> None:
    break_upload(ready, number)
    ran = ready.run("delivery", "publish")
    assert ran.status == 2
    assert "GitHub answered the upload with 502" in ran.line
    (left,) = ready.github.releases
    assert left["draft"]
    assert len(left["assets"]) == number - 1
    assert not ready.github.tags
    ready.run("delivery", "publish").went_well()
    (release,) = ready.github.releases
    assert release["id"] != left["id"]
    assert (release["draft"], release["prerelease"]) == (False, True)
    assert assets(ready.github, ready.newer) == contents(ready.newer)


def cut_off(asset: dict[str, Any]) -> dict[str, Any]:
    return asset | {"size": asset["size"] - 1, "digest": None}


def other_bytes(asset: dict[str, Any]) -> dict[str, Any]:
    return asset | {"digest": f"sha256:{'0' * 64}"}


def not_done(asset: dict[str, Any]) -> dict[str, Any]:
    return asset | {"state": "starter"}


def nothing_said(_: dict[str, Any]) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (cut_off, "no digest, state 'uploaded'"),
        (other_bytes, f"sha256:{'0' * 64}"),
        (not_done, "state 'starter'"),
        (nothing_said, "does not have the documented form"),
    ],
)
def test_an_upload_that_github_did_not_receive_intact(
    ready: Repository, kept: Callable[[dict[str, Any]], dict[str, Any]], why: str
) -> None:
    upload = ready.github._upload

    def half(id: int, name: str, raw: bytes, headers: Any) -> Any:
        status, asset = upload(id, name, raw, headers)
        return status, kept(asset) if name == "load.json" else asset

    ready.github._upload = half
    ran = ready.run("delivery", "publish")
    assert ran.status == 2
    assert "load.json: " in ran.line
    assert why in ran.line
    assert [one["draft"] for one in ready.github.releases] == [True]


def test_it_is_a_draft_until_the_last_step(ready: Repository) -> None:
    ready.github.interfere = lambda verb, *_: BROKEN if verb == "PATCH" else None
    assert ready.run("delivery", "publish").status == 2
    assert [one["draft"] for one in ready.github.releases] == [True]


def test_drafts_of_other_tags_are_kept(ready: Repository) -> None:
    ready.github._create_release(body={"tag_name": "v1", "draft": True, "prerelease": True})
    ready.run("delivery", "publish").went_well()
    assert {one["tag_name"] for one in ready.github.releases} == {"v1", ready.newer.tag}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "x@127.0.0.1"])
def test_the_token_is_sent_only_to_github(ready: Repository, host: str) -> None:
    """The same host with a different port is a different server, which must not get the token."""
    other = FakeGitHub()
    heard: list[str] = []
    other.answer = lambda verb, target, headers, raw: heard.append(target) or (201, {})
    server, url = serve(other)
    create = ready.github._create_release

    def elsewhere(**given: Any) -> Any:
        status, made = create(**given)
        made["upload_url"] = url.replace("127.0.0.1", host) + "/uploads/1{?name,label}"
        return status, made

    ready.github._create_release = elsewhere
    ran = ready.run("delivery", "publish")
    server.shutdown()
    server.server_close()
    assert ran.status == 2
    assert "which does not belong to" in ran.line
    assert not heard
    assert [one["draft"] for one in ready.github.releases] == [True]
