"""The champion is fetched completely and with its attestations, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sluice.delivery.publication import RELEASED
from support.releases.attested import EARLIER, approve, attest, forget, release, revoke, sha256
from support.releases.repository import Repository

OUT = "out/champion"


def swapped(repository: Repository) -> bytes:
    """The champion's delivery.json with another image."""
    said = json.loads((repository.older.folder / "delivery.json").read_bytes())
    said["image"] = said["image"].replace(repository.older.image, "2" * 64)
    content = json.dumps(said).encode()
    repository.github.swap(repository.older.tag, "delivery.json", content)
    return content


def swap_package(repository: Repository) -> None:
    content = repository.newer.package.read_bytes()
    repository.github.swap(repository.older.tag, repository.older.delivery.package, content)


def swap_package_silently(repository: Repository) -> None:
    """The digest that GitHub states is not trusted."""
    asset = repository.github.asset(repository.older.tag, repository.older.delivery.package)
    swap_package(repository)
    asset["digest"] = None


def other_bytes(repository: Repository) -> None:
    asset = repository.github.asset(repository.older.tag, repository.older.delivery.package)
    repository.github.kept[asset["id"]] = repository.newer.package.read_bytes()


def no_delivery(repository: Repository) -> None:
    repository.github.release(repository.older.tag)["assets"] = []


def of_another_version(repository: Repository) -> None:
    content = (repository.newer.folder / "delivery.json").read_bytes()
    repository.github.swap(repository.older.tag, "delivery.json", content)


def no_json(repository: Repository) -> None:
    repository.github.swap(repository.older.tag, "delivery.json", b"[" * 100_000)


def unattested(repository: Repository) -> None:
    forget(repository.attestations, repository.older.digest)


def attested(**by: str) -> Callable[[Repository], None]:
    def do(repository: Repository) -> None:
        attest(
            repository.attestations,
            repository.older.digest,
            **{"commit": repository.older.delivery.commit, **by},
        )

    return do


def by_hand(repository: Repository) -> None:
    """Anyone with write access can make a pre-release a full release and mark it as latest."""
    repository.make_full(repository.newer.tag)


def approved(**by: str) -> Callable[[Repository], None]:
    """The approval is attested, but not by the job that waits for production."""

    def do(repository: Repository) -> None:
        by_hand(repository)
        release(repository.attestations, repository.newer.digest, **by)

    return do


def never_released(repository: Repository) -> None:
    """The version's approval was attested, but the run ended before the release."""
    approve(repository.attestations, repository.newer.digest)
    by_hand(repository)


def released_by_another_run(repository: Repository) -> None:
    """One run attested the approval, and another run the release."""
    approve(repository.attestations, repository.newer.digest, run=EARLIER + 5)
    approve(repository.attestations, repository.newer.digest, kind=RELEASED)
    by_hand(repository)


def rolled_back(repository: Repository) -> None:
    """The version was rolled back, and then made a full release again by hand."""
    repository.make_champion(repository.newer.tag)
    revoke(repository.attestations, repository.newer.digest, [EARLIER])


def rolled_back_twice(repository: Repository) -> None:
    """The version was rolled back twice, and another run released it in between."""
    rolled_back(repository)
    release(repository.attestations, repository.newer.digest, run=EARLIER + 2)
    revoke(repository.attestations, repository.newer.digest, [EARLIER + 2], run=EARLIER + 3)


def unknown_rollback(repository: Repository) -> None:
    """A forged attestation and a failure of gh look the same, so the result is an error."""
    revoke(repository.attestations, repository.older.digest, [EARLIER], workflow="CI")


def hidden_rollback(repository: Repository) -> None:
    """There are so many attestations of rollbacks, perhaps forged, that gh would not read all of
    them.
    """
    for run in range(100, 200):
        revoke(repository.attestations, repository.older.digest, [], run=run)


def not_uploaded(repository: Repository) -> None:
    repository.github.asset(repository.older.tag, "delivery.json")["state"] = "starter"


REFUSED: dict[str, tuple[Callable[[Repository], object], str]] = {
    "another package": (swap_package, "is not the one in delivery.json; someone replaced the file"),
    "another package, without a digest": (
        swap_package_silently,
        "is not the one in delivery.json; someone replaced the file",
    ),
    "other bytes than GitHub states": (other_bytes, "was not downloaded intact"),
    "another delivery.json": (
        swapped,
        "no attestation that .github/workflows/deliver.yml on main built it",
    ),
    "no delivery": (no_delivery, "expected one file delivery.json, found 0"),
    "that of another version": (of_another_version, "not of this release"),
    "no JSON": (no_json, "is not a valid record of a delivery"),
    "half uploaded": (
        not_uploaded,
        "the upload of delivery.json was not finished (GitHub calls it 'starter')",
    ),
    "no attestation": (unattested, "no attestations found"),
    "attested by another workflow": (attested(workflow="CI"), "there is no attestation"),
    "attested on another branch": (attested(ref="refs/heads/evil"), "there is no attestation"),
    "attested on a tag": (attested(ref="refs/tags/main"), "there is no attestation"),
    "attested at another commit": (attested(commit="c" * 40), "there is no attestation"),
    "made full by hand": (by_hand, "release.yml on main that it was approved and released"),
    "approved by another workflow": (
        approved(workflow="Deliver"),
        "release.yml on main that it was approved and released",
    ),
    "approved on another branch": (
        approved(ref="refs/heads/evil"),
        "release.yml on main that it was approved and released",
    ),
    "approved and never released": (
        never_released,
        "release.yml on main that it was approved and released",
    ),
    "released by another run": (released_by_another_run, "one run must attest both"),
    "rolled back": (rolled_back, f"run {EARLIER} released it, and a rollback has revoked that"),
    "rolled back twice": (
        rolled_back_twice,
        f"run {EARLIER} and {EARLIER + 2} released it, and a rollback has revoked that",
    ),
    "a rollback that cannot be verified": (unknown_rollback, "gh cannot verify by whom"),
    "too many rollbacks": (hidden_rollback, "attestations of rollbacks, too many to read"),
    "attested by Release as something else": (
        approved(kind="provenance"),
        "there is no attestation",
    ),
}


def test_no_champion_yet(delivered: Repository) -> None:
    assert "there is no full release yet" in delivered.run("champion", "fetch").went_well().out
    assert json.loads((delivered.root / OUT / "champion.json").read_bytes())["release"] is None
    assert not (delivered.root / OUT / "package.tar").exists()


def test_the_package_and_its_release(released: Repository) -> None:
    released.run_process("champion", "fetch").went_well()
    package = (released.root / OUT / "package.tar").read_bytes()
    assert package == released.older.package.read_bytes()
    assert json.loads((released.root / OUT / "champion.json").read_bytes()) == {
        "release": released.older.tag,
        "sha256": sha256(package),
        "image": released.older.delivery.image,
    }
    assert not released.github.writes


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_no_earlier_champion_is_left(released: Repository, case: str) -> None:
    sabotage, why = REFUSED[case]
    sabotage(released)
    left = released.root / OUT
    left.mkdir(parents=True)
    (left / "champion.json").write_text('{"release": null}', "utf-8")
    released.refuses("champion", "fetch", why=why)
    assert not left.exists()


def test_a_version_that_was_released_again_after_a_rollback(released: Repository) -> None:
    rolled_back(released)
    release(released.attestations, released.newer.digest, run=EARLIER + 2)
    # An attestation of other bytes, or without a run, revokes nothing.
    revoke(released.attestations, released.newer.digest, [], run=EARLIER + 3)
    other = {"revokes": [{"digest": "0" * 64, "runs": [EARLIER + 2]}, {"runs": "x"}, 7]}
    revoke(released.attestations, released.newer.digest, [], run=EARLIER + 4, predicate=other)
    released.run("champion", "fetch").went_well()
    found = json.loads((released.root / OUT / "champion.json").read_bytes())
    assert found["release"] == released.newer.tag


def test_a_folder_with_files_of_someone_else_is_not_deleted(released: Repository) -> None:
    thesis = released.root / "documents" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("three years of work", "utf-8")
    why = "documents has files but no champion.json"
    released.refuses("champion", "fetch", "--out", "documents", why=why)
    released.refuses("champion", "fetch", "--out", ".", why=". has files but no champion.json")
    assert thesis.read_text("utf-8") == "three years of work"


def test_an_error_of_github_does_not_mean_that_there_is_no_champion(released: Repository) -> None:
    released.github.interfere = lambda *_: (403, {"message": "API rate limit exceeded"})
    released.refuses("champion", "fetch", why="API rate limit exceeded")
    released.github.interfere = lambda *_: (500, {"message": "oops"})
    released.refuses("champion", "fetch", why="GitHub answered 500")
    released.refuses("champion", "fetch", why="no answer from", GITHUB_API_URL="http://127.0.0.1:9")
    assert not list((released.root / OUT).iterdir())


def test_one_404_does_not_mean_that_there_is_no_champion(released: Repository) -> None:
    released.hide_latest()
    why = f"GitHub marks no release as the latest, but {released.older.tag} is a full release"
    released.refuses("champion", "fetch", why=why)
    gone = (404, {"message": "Not Found"})
    released.github.interfere = lambda _, path, __: gone if "/releases" in path else None
    released.refuses("champion", "fetch", why="GitHub answered 404")


def test_without_gh(released: Repository) -> None:
    released.refuses("champion", "fetch", why="gh is not installed", PATH="/nowhere")


def test_gh_fails_without_a_message(released: Repository) -> None:
    gh = released.root / "bin/gh"
    gh.parent.mkdir()
    gh.write_text("#!/bin/sh\nexit 1\n")
    gh.chmod(0o755)
    released.refuses("champion", "fetch", why="gh gives no reason", PATH=str(gh.parent))


def test_a_private_repository_may_have_no_attestations(released: Repository) -> None:
    """A private repository has attestations only on GitHub Enterprise, if the variable says so."""
    released.github.repository["private"] = True
    unattested(released)
    released.run("champion", "fetch").went_well()
    released.refuses(
        "champion", "fetch", why="no attestations found", SLUICE_ATTESTATIONS="private"
    )
