"""After the approval, the approved version becomes the champion, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sluice.delivery.publication import APPROVED, DESIRED
from support.releases.attested import approve, attest, forget, release, sha256
from support.releases.repository import RUN, Repository
from support.releases.sabotage import DELIVERY, OCTOCAT, SETTINGS, STARTERS

RECORD = "out/approval/approval.json"
# The two commands that verify the approval.
both = pytest.mark.parametrize("command", ["confirm", "release"])


@pytest.fixture
def approved(released: Repository) -> Repository:
    """The older version is the champion; hubot has approved the newer one in this run."""
    released.github.approve(RUN, "hubot")
    approve(released.attestations, released.newer.digest, run=RUN)
    approve(released.attestations, released.newer.digest, run=RUN, kind=DESIRED)
    return released


def arguments(
    repository: Repository, digest: str | None = None, command: str = "release"
) -> tuple[str, ...]:
    """The arguments of `sluice approval release` or `confirm`, for the newer version."""
    page = ("--champion", repository.older.tag, "--approved", digest or repository.newer.digest)
    return ("approval", command, repository.newer.delivery.version, *page)


def test_the_pre_release_becomes_the_champion(approved: Repository) -> None:
    newer, held = approved.newer, approved.state()
    ran = approved.run_process(*arguments(approved)).went_well()
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


def test_from_preflight_to_the_release(approved: Repository) -> None:
    outputs = approved.root / "outputs"
    given = ("approval", "preflight", approved.newer.tag, "--outputs", str(outputs))
    approved.run(*given).went_well()
    said = dict(line.split("=") for line in outputs.read_text("utf-8").splitlines())
    given = (approved.newer.tag, "--approved", said["digest"], "--champion", said["champion"])
    approved.run("approval", "confirm", *given).went_well()
    approved.run("approval", "release", *given).went_well()
    release(approved.attestations, approved.newer.digest, run=RUN)
    approved.run("champion", "fetch").went_well()
    found = json.loads((approved.root / "out/champion/champion.json").read_bytes())
    assert found["release"] == approved.newer.tag


def test_who_approved_what_is_recorded_first(approved: Repository) -> None:
    approved.run_process(*arguments(approved, command="confirm")).went_well()
    assert json.loads((approved.root / RECORD).read_bytes()) == {
        "version": approved.newer.delivery.version,
        "digest": approved.newer.digest,
        "approver": "hubot",
        "run": f"https://github.example.org/octo/shop/actions/runs/{RUN}",
    }
    assert not approved.github.writes


@both
def test_another_delivery_than_the_approved_one(approved: Repository, command: str) -> None:
    """The delivery is attested and intact, but it is not the one that the reviewers saw."""
    newer = approved.newer
    content = json.dumps(json.loads((newer.folder / "delivery.json").read_bytes())).encode()
    approved.github.swap(newer.tag, "delivery.json", content)
    attest(approved.attestations, sha256(content), newer.delivery.commit)
    given = arguments(approved, command=command)
    ran = approved.refuses(*given, why="was approved; nothing is released")
    assert not (approved.root / RECORD).exists()
    assert sha256(content) in ran.line


def test_what_the_workflow_attests_of_the_release(approved: Repository) -> None:
    path = approved.root / "out/approval/release.json"
    path.parent.mkdir(parents=True)
    path.write_text("of an earlier run", "utf-8")
    approved.run(*arguments(approved)).went_well()
    said = json.loads(path.read_bytes())
    assert (said["digest"], said["approver"]) == (approved.newer.digest, "hubot")
    assert said["run"].endswith(f"/actions/runs/{RUN}")


@pytest.mark.parametrize("run", [None, RUN - 1])
@pytest.mark.parametrize("kind", [APPROVED, DESIRED])
def test_no_attestation_of_this_run(approved: Repository, kind: str, run: int | None) -> None:
    """GitHub has the approval, but the job that attests it did not run, or ran for another
    approval.
    """
    forget(approved.attestations, approved.newer.digest, kind)
    if run is not None:
        approve(approved.attestations, approved.newer.digest, run=run, kind=kind)
    approved.refuses(*arguments(approved), why=f"no attestation says that run {RUN} approved it")
    assert not (approved.root / "out/approval/release.json").exists()


@pytest.mark.parametrize("digest", ["0" * 64, "-", "*"])
def test_another_digest(approved: Repository, digest: str) -> None:
    approved.refuses(*arguments(approved, digest), why="was approved; nothing is released")


def nobody(repository: Repository) -> None:
    pass


def the_starter(repository: Repository) -> None:
    repository.github.approve(RUN, "OctoCat")


def another_environment(repository: Repository) -> None:
    repository.github.approve(RUN, "hubot", "test")


def another_run(repository: Repository) -> None:
    repository.github.approve(RUN + 1, "hubot")


def rejected(repository: Repository) -> None:
    repository.github.approve(RUN, "hubot")
    repository.github.approvals[RUN][0]["state"] = "rejected"


def a_ghost(repository: Repository) -> None:
    repository.github.approve(RUN, "")


UNAPPROVED: dict[str, Callable[[Repository], None]] = {
    one.__name__: one
    for one in (nobody, the_starter, another_environment, another_run, rejected, a_ghost)
}


@both
@pytest.mark.parametrize("case", UNAPPROVED)
def test_not_approved(released: Repository, case: str, command: str) -> None:
    UNAPPROVED[case](released)
    why = f"run {RUN} was not approved for production by anyone other than"
    released.refuses(*arguments(released, command=command), why=why)
    assert not (released.root / RECORD).exists()


def test_approved_by_the_person_who_started_it_again(approved: Repository) -> None:
    why = "no reviewer except hubot and octocat"
    env = approved.started_by(OCTOCAT, OCTOCAT | {"login": "hubot"})
    approved.refuses(*arguments(approved), why=why, **env)


@both
@pytest.mark.parametrize("case", STARTERS)
def test_a_starter_that_is_not_a_person(approved: Repository, case: str, command: str) -> None:
    """hubot has approved the run, but may also have caused the workflow that started it."""
    actor, again, named = STARTERS[case]
    env = approved.started_by(actor, again)
    why = f"GitHub does not say that {named}, who started this run, is a person"
    approved.refuses(*arguments(approved, command=command), why=why, **env)
    assert not (approved.root / RECORD).exists()


def test_an_approval_of_an_earlier_attempt(approved: Repository) -> None:
    why = "an approval counts for one attempt only"
    approved.refuses(*arguments(approved), why=why, GITHUB_RUN_ATTEMPT="2")


@pytest.mark.parametrize("run", ["", "77; id", "-1"])
def test_outside_a_workflow(approved: Repository, run: str) -> None:
    approved.refuses(
        *arguments(approved),
        why="GITHUB_RUN_ID is not the number of a workflow run",
        GITHUB_RUN_ID=run,
    )


def test_an_unknown_starter_is_refused(approved: Repository) -> None:
    nobody = {"GITHUB_ACTOR": "", "GITHUB_TRIGGERING_ACTOR": ""}
    approved.refuses(*arguments(approved), why="GITHUB_ACTOR is not set", **nobody)


@pytest.mark.parametrize("case", SETTINGS)
def test_production_no_longer_waits_for_someone_else(approved: Repository, case: str) -> None:
    sabotage, why = SETTINGS[case]
    sabotage(approved, approved.newer)
    approved.refuses(*arguments(approved), why=why)


@pytest.mark.parametrize("case", DELIVERY)
def test_the_delivery_was_changed_before_the_release(approved: Repository, case: str) -> None:
    sabotage, why = DELIVERY[case]
    sabotage(approved, approved.newer)
    approved.refuses(*arguments(approved), why=why)


def test_another_champion_than_on_the_page(approved: Repository) -> None:
    given = ("approval", "release", approved.newer.tag, "--approved", approved.newer.digest)
    why = f"the champion is {approved.older.tag} now, but the approved page compares with none"
    approved.refuses(*given, "--champion", "none", why=why)


def test_there_is_no_champion_any_more(approved: Repository) -> None:
    approved.github.release(approved.older.tag)["prerelease"] = True
    approved.refuses(*arguments(approved), why="the champion is none now")


def test_one_404_does_not_mean_that_there_is_no_champion(approved: Repository) -> None:
    approved.hide_latest()
    given = ("approval", "release", approved.newer.tag, "--approved", approved.newer.digest)
    approved.refuses(*given, "--champion", "none", why="GitHub marks no release as the latest")


def test_already_released(approved: Repository) -> None:
    approved.make_champion(approved.newer.tag)
    approved.refuses(*arguments(approved), why="is already a full release")


def test_github_marks_another_release_as_the_latest(approved: Repository) -> None:
    older = approved.github.release(approved.older.tag)
    approved.github.interfere = lambda _, path, writes: (
        (200, older) if writes and path.endswith("/latest") else None
    )
    ran = approved.run(*arguments(approved))
    assert ran.status == 2
    assert (
        f"GitHub marks {approved.older.tag} as the latest release instead of {approved.newer.tag}"
        in ran.line
    )


def test_another_version_was_released_at_the_same_time(approved: Repository) -> None:
    other = "v2026.01.09-aaaaaaaaaaaa"
    later = approved.github.release(approved.older.tag) | {"id": 9999, "tag_name": other}

    def meanwhile(verb: str, *_: object) -> None:
        if verb == "PATCH" and later not in approved.github.releases:
            approved.github.releases.append(later)

    approved.github.interfere = meanwhile
    ran = approved.run(*arguments(approved))
    assert ran.status == 2
    assert f"{other} became a full release at the same time as {approved.newer.tag}" in ran.line


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_change_the_release(approved: Repository, status: int) -> None:
    said = (status, {"message": "Resource not accessible by integration"})
    approved.github.interfere = lambda verb, *_: said if verb == "PATCH" else None
    ran = approved.run(*arguments(approved))
    assert ran.status == 2
    assert "secret RELEASE_TOKEN of the environment publish" in ran.line
    assert approved.champion() == approved.older.tag


@pytest.mark.parametrize("where", ["", "/approvals", "/environments/", "/releases/assets/"])
def test_github_refuses(approved: Repository, where: str) -> None:
    limit = (403, {"message": "API rate limit exceeded"})
    approved.github.interfere = lambda _, path, __: limit if where in path else None
    approved.refuses(*arguments(approved), why="API rate limit exceeded")
