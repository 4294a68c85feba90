"""A delivery becomes a pre-release whole, once, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from support.github.fake_github import FakeGitHub, serve
from support.releases.counter import Counter
from support.releases.wares import Wares

BROKEN = (502, {"message": "Bad gateway"})


@pytest.fixture
def ready(bare: Counter) -> Counter:
    """The newer version lies in `out/delivery`, and GitHub has no release."""
    shutil.copytree(bare.newer.folder, bare.root / "out/delivery")
    return bare


def assets(github: FakeGitHub, wares: Wares) -> dict[str, bytes]:
    release = github.release(wares.tag)
    return {one["name"]: github.kept[one["id"]] for one in release["assets"]}


def contents(wares: Wares) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in wares.folder.iterdir()}


def break_upload(counter: Counter, number: int) -> None:
    """GitHub fails at the upload of this number."""
    stored, seen = counter.github.stored, []

    def failing(verb: str, target: str, headers: Any, raw: bytes) -> Any:
        if target.startswith("/uploads/"):
            seen.append(target)
            if len(seen) == number:
                return BROKEN
        return stored(verb, target, headers, raw)

    counter.monkeypatch.setattr(counter.github, "stored", failing)


def test_a_pre_release_with_every_file(ready: Counter) -> None:
    ran = ready.typed("deliver").went_well()
    (release,) = ready.github.releases
    assert (release["draft"], release["prerelease"]) == (False, True)
    assert release["target_commitish"] == ready.newer.made.commit
    assert assets(ready.github, ready.newer) == contents(ready.newer)
    assert ready.champion() is None
    assert ready.newer.digest in ran.out
    assert ready.newer.digest in release["body"]
    verbs = [(verb, body.get("draft")) for verb, _, body in ready.github.writes]
    assert verbs == [("POST", True), ("PATCH", False)]


def test_a_second_time_nothing_is_written(ready: Counter) -> None:
    ready.run("deliver").went_well()
    held, ready.github.requests = ready.state(), []
    assert "is there already, with the same files" in ready.run("deliver").went_well().out
    assert ready.state() == held
    assert not ready.github.writes


def other_package(counter: Counter) -> None:
    counter.take_stock()
    counter.github.swap(counter.newer.tag, counter.newer.made.package, b"another")


def released(counter: Counter) -> None:
    counter.take_stock()
    counter.github.swap(counter.newer.tag, "report.md", b"all is well")
    counter.github.release(counter.newer.tag)["prerelease"] = False


def without_digests(counter: Counter) -> None:
    counter.take_stock()
    for asset in counter.github.release(counter.newer.tag)["assets"]:
        asset["digest"] = None


def immutable(counter: Counter) -> None:
    counter.take_stock()
    counter.github.swap(counter.newer.tag, "load.json", b"measured before")
    counter.github.release(counter.newer.tag)["immutable"] = True


def tagged(counter: Counter) -> None:
    counter.github.tags[counter.newer.tag] = {"sha": "f" * 40, "type": "commit"}


def changed_here(counter: Counter) -> None:
    (counter.root / "out/delivery/report.md").write_text("all is well", "utf-8")


def more_here(counter: Counter) -> None:
    (counter.root / "out/delivery/more.txt").touch()


def gone_here(counter: Counter) -> None:
    (counter.root / "out/delivery/load.json").unlink()


def renamed_here(counter: Counter) -> None:
    file = counter.root / "out/delivery/delivery.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"commit": "c" * 40}), "utf-8")


def nothing_here(counter: Counter) -> None:
    shutil.rmtree(counter.root / "out/delivery")


def test_other_evidence_takes_the_place_of_the_older(ready: Counter) -> None:
    """As a second run leaves it: it has measured again, beside the champion of today."""
    other_evidence(ready)
    ready.add_asset(ready.newer.tag, "more.txt", b"x")
    ready.run("deliver").went_well()
    (release,) = ready.github.releases
    assert (release["draft"], release["prerelease"]) == (False, True)
    assert assets(ready.github, ready.newer) == contents(ready.newer)
    assert release["body"].endswith("Rolled back to v1, because it was no good.\n")


def other_evidence(counter: Counter) -> dict[str, Any]:
    """Delivered already, rolled back since, and to be replaced."""
    counter.run("deliver").went_well()
    there = counter.github.release(counter.newer.tag)
    there["body"] += "Rolled back to v1, because it was no good.\n"
    counter.github.swap(counter.newer.tag, "load.json", b"measured before")
    return there


def promoted(there: dict[str, Any], counter: Counter) -> None:
    """Someone's run of Release comes to its end."""
    there["prerelease"] = False
    counter.github.latest = there["id"]


def noted(there: dict[str, Any], _: Counter) -> None:
    there["body"] += "And once more.\n"


def replaced(there: dict[str, Any], _: Counter) -> None:
    there["id"] = 9999


def taken_away(there: dict[str, Any], counter: Counter) -> None:
    counter.github.releases.remove(there)


@pytest.mark.parametrize("change", [promoted, noted, replaced, taken_away])
def test_what_was_changed_during_the_uploads_is_not_deleted(
    ready: Counter, change: Callable[[dict[str, Any], Counter], None]
) -> None:
    there = other_evidence(ready)
    stored = ready.github.stored

    def meanwhile(verb: str, target: str, headers: Any, raw: bytes) -> Any:
        if target.endswith("=staging.md"):
            change(there, ready)
        return stored(verb, target, headers, raw)

    ready.monkeypatch.setattr(ready.github, "stored", meanwhile)
    ran = ready.run("deliver")
    assert ran.status == 2
    assert "was changed meanwhile: nothing is published, and what is there stays" in ran.line
    assert ready.github.releases == ([] if change is taken_away else [there])
    assert ready.champion() == (ready.newer.tag if change is promoted else None)


def test_history_outlives_a_run_that_died_after_it_deleted_the_older(ready: Counter) -> None:
    other_evidence(ready)
    ready.github.interfere = lambda verb, *_: BROKEN if verb == "PATCH" else None
    assert ready.run("deliver").status == 2
    assert [one["draft"] for one in ready.github.releases] == [True]
    ready.github.interfere = lambda *_: None
    ready.run("deliver").went_well()
    (release,) = ready.github.releases
    assert not release["draft"]
    assert release["body"].endswith("Rolled back to v1, because it was no good.\n")


REFUSED: dict[str, tuple[Callable[[Counter], None], str]] = {
    "another package there": (other_package, "is there already, with another package"),
    "no digests told": (without_digests, "is there already, with another package"),
    "a full release": (released, "is a full release: it is not delivered again"),
    "an immutable one": (immutable, "is immutable, and GitHub never gives its tag to another"),
    "a tag at another commit": (tagged, f"points to {'f' * 40}"),
    "changed here": (changed_here, "report.md was changed"),
    "one more here": (more_here, "more.txt is not in delivery.json"),
    "one less here": (gone_here, "load.json is missing"),
    "another commit": (renamed_here, "names another package"),
    "nothing here": (nothing_here, "delivery.json"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(ready: Counter, case: str) -> None:
    sabotage, why = REFUSED[case]
    sabotage(ready)
    ready.refuses("deliver", why=why)


@pytest.mark.parametrize("number", [1, 4])
def test_an_upload_that_fails_leaves_a_draft_and_the_next_run_completes(
    ready: Counter, number: int
) -> None:
    break_upload(ready, number)
    ran = ready.run("deliver")
    assert ran.status == 2
    assert "the upload was answered 502" in ran.line
    (left,) = ready.github.releases
    assert left["draft"]
    assert len(left["assets"]) == number - 1
    assert not ready.github.tags
    ready.run("deliver").went_well()
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
        (cut_off, "digest untold, state uploaded"),
        (other_bytes, f"sha256:{'0' * 64}"),
        (not_done, "state starter"),
        (nothing_said, "is not what GitHub documents"),
    ],
)
def test_an_upload_that_github_does_not_have_whole(
    ready: Counter, kept: Callable[[dict[str, Any]], dict[str, Any]], why: str
) -> None:
    upload = ready.github._upload

    def half(id: int, name: str, raw: bytes, headers: Any) -> Any:
        status, asset = upload(id, name, raw, headers)
        return status, kept(asset) if name == "load.json" else asset

    ready.monkeypatch.setattr(ready.github, "_upload", half)
    ran = ready.run("deliver")
    assert ran.status == 2
    assert "load.json: " in ran.line
    assert why in ran.line
    assert [one["draft"] for one in ready.github.releases] == [True]


def test_published_in_the_last_step_alone(ready: Counter) -> None:
    ready.github.interfere = lambda verb, *_: BROKEN if verb == "PATCH" else None
    assert ready.run("deliver").status == 2
    assert [one["draft"] for one in ready.github.releases] == [True]


def test_drafts_of_others_are_left(ready: Counter) -> None:
    ready.github._create_release(body={"tag_name": "v1", "draft": True, "prerelease": True})
    ready.run("deliver").went_well()
    assert {one["tag_name"] for one in ready.github.releases} == {"v1", ready.newer.tag}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "x@127.0.0.1"])
def test_the_token_goes_to_github_alone(ready: Counter, host: str) -> None:
    """Another port is another server."""
    other = FakeGitHub()
    heard: list[str] = []
    other.answer = lambda verb, target, headers, raw: heard.append(target) or (201, {})
    server, url = serve(other)
    create = ready.github._create_release

    def elsewhere(**given: Any) -> Any:
        status, made = create(**given)
        made["upload_url"] = url.replace("127.0.0.1", host) + "/uploads/1{?name,label}"
        return status, made

    ready.monkeypatch.setattr(ready.github, "_create_release", elsewhere)
    ran = ready.run("deliver")
    server.shutdown()
    server.server_close()
    assert ran.status == 2
    assert "which is not GitHub here" in ran.line
    assert not heard
    assert [one["draft"] for one in ready.github.releases] == [True]
