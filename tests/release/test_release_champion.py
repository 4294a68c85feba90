"""Who serves production is fetched whole and vouched for, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.releases.attested import approve, attest, sha256
from support.releases.counter import Counter

OUT = "out/champion"


def swapped(counter: Counter) -> bytes:
    """The champion's delivery.json with another image."""
    said = json.loads((counter.older.folder / "delivery.json").read_bytes())
    said["image"] = said["image"].replace(counter.older.image, "2" * 64)
    content = json.dumps(said).encode()
    counter.github.swap(counter.older.tag, "delivery.json", content)
    return content


def swap_package(counter: Counter) -> None:
    content = counter.newer.package.read_bytes()
    counter.github.swap(counter.older.tag, counter.older.made.package, content)


def swap_package_silently(counter: Counter) -> None:
    """GitHub's word on the digest is not what is trusted."""
    asset = counter.github.asset(counter.older.tag, counter.older.made.package)
    swap_package(counter)
    asset["digest"] = None


def other_bytes(counter: Counter) -> None:
    asset = counter.github.asset(counter.older.tag, counter.older.made.package)
    counter.github.kept[asset["id"]] = counter.newer.package.read_bytes()


def no_delivery(counter: Counter) -> None:
    counter.github.release(counter.older.tag)["assets"] = []


def of_another_version(counter: Counter) -> None:
    content = (counter.newer.folder / "delivery.json").read_bytes()
    counter.github.swap(counter.older.tag, "delivery.json", content)


def no_json(counter: Counter) -> None:
    counter.github.swap(counter.older.tag, "delivery.json", b"[" * 100_000)


def unattested(counter: Counter) -> None:
    (counter.notes / f"{counter.older.digest}.provenance.json").unlink()


def attested(**by: str) -> Callable[[Counter], None]:
    def do(counter: Counter) -> None:
        attest(counter.notes, counter.older.digest, **{"commit": counter.older.made.commit, **by})

    return do


def by_hand(counter: Counter) -> None:
    """Whoever may write can make any pre-release a full one, and the latest."""
    counter.make_full(counter.newer.tag)


def approved(**by: str) -> Callable[[Counter], None]:
    """By someone who can attest, but not as the job behind production."""

    def do(counter: Counter) -> None:
        by_hand(counter)
        approve(counter.notes, counter.newer.digest, **by)

    return do


def not_uploaded(counter: Counter) -> None:
    counter.github.asset(counter.older.tag, "delivery.json")["state"] = "starter"


REFUSED: dict[str, tuple[Callable[[Counter], object], str]] = {
    "a swapped package": (swap_package, "was changed after its delivery"),
    "a swapped package, no digest told": (swap_package_silently, "was changed after its delivery"),
    "bytes that are not GitHub's": (other_bytes, "did not come as GitHub says it is"),
    "a swapped delivery.json": (swapped, "no attestation of .github/workflows/deliver.yml"),
    "no delivery": (no_delivery, "no delivery of sluice's"),
    "another version's": (of_another_version, "not of this release"),
    "no JSON": (no_json, "is not a delivery"),
    "half uploaded": (not_uploaded, "is not whole"),
    "no attestation": (unattested, "no attestations found"),
    "another workflow's": (attested(workflow="CI"), "no attestation of"),
    "another branch's": (attested(ref="refs/heads/evil"), "no attestation of"),
    "a tag's": (attested(ref="refs/tags/main"), "no attestation of"),
    "another commit's": (attested(commit="c" * 40), "no attestation of"),
    "made full by hand": (by_hand, "release.yml on main says that it was approved"),
    "approved by another workflow": (approved(workflow="Deliver"), "says that it was approved"),
    "approved on another branch": (approved(ref="refs/heads/evil"), "says that it was approved"),
    "attested by Release as something else": (approved(kind="provenance"), "no attestation of"),
}


def test_nobody_yet(counter: Counter) -> None:
    assert "there is no full release yet" in counter.run("champion").went_well().out
    assert json.loads((counter.root / OUT / "champion.json").read_bytes())["release"] is None
    assert not (counter.root / OUT / "package.tar").exists()


def test_the_package_and_its_name(released: Counter) -> None:
    released.typed("champion").went_well()
    package = (released.root / OUT / "package.tar").read_bytes()
    assert package == released.older.package.read_bytes()
    assert json.loads((released.root / OUT / "champion.json").read_bytes()) == {
        "release": released.older.tag,
        "sha256": sha256(package),
        "image": released.older.made.image,
    }
    assert not released.github.writes


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_stands_in_for_it(released: Counter, case: str) -> None:
    sabotage, why = REFUSED[case]
    sabotage(released)
    left = released.root / OUT
    left.mkdir(parents=True)
    (left / "champion.json").write_text('{"release": null}', "utf-8")
    released.refuses("champion", why=why)
    assert not left.exists()


def test_no_word_from_github_is_not_the_word_that_there_is_none(released: Counter) -> None:
    released.github.interfere = lambda *_: (403, {"message": "API rate limit exceeded"})
    released.refuses("champion", why="API rate limit exceeded")
    released.github.interfere = lambda *_: (500, {"message": "oops"})
    released.refuses("champion", why="GitHub answers 500")
    released.refuses("champion", why="no answer from", GITHUB_API_URL="http://127.0.0.1:9")
    assert not list((released.root / OUT).iterdir())


def test_one_404_is_not_the_word_that_there_is_none(released: Counter) -> None:
    released.hide_latest()
    why = f"GitHub names no latest release, but {released.older.tag} is a full one"
    released.refuses("champion", why=why)
    gone = (404, {"message": "Not Found"})
    released.github.interfere = lambda _, path, __: gone if "/releases" in path else None
    released.refuses("champion", why="GitHub answers 404")


def test_without_gh(released: Counter) -> None:
    released.refuses("champion", why="gh is not installed", PATH="/nowhere")


def test_a_gh_that_fails_without_a_word(released: Counter) -> None:
    gh = released.root / "bin/gh"
    gh.parent.mkdir()
    gh.write_text("#!/bin/sh\nexit 1\n")
    gh.chmod(0o755)
    released.refuses("champion", why="no word", PATH=str(gh.parent))


def test_a_private_repository_may_have_no_attestations(released: Counter) -> None:
    """On GitHub Enterprise it has, which the fork says."""
    released.github.repository["private"] = True
    unattested(released)
    released.run("champion").went_well()
    released.refuses("champion", why="no attestations found", SLUICE_ATTESTATIONS="private")
