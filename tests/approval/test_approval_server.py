"""Only the verdict of the production server starts the second half of a release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sluice.approval.approved import promotion
from sluice.delivery.download import Downloaded
from sluice.delivery.publication import APPROVED, DESIRED
from support.fixture_project import Ran
from support.github.fake_pulls import started
from support.releases import attested
from support.releases.repository import RUN, Repository
from support.rollout import resealed

SERVER = "production-server"
FIRST = RUN - 1  # the run in which hubot approved the canary
Sabotage = Callable[[Repository], object]


@pytest.fixture
def served(released: Repository) -> Repository:
    """A server reports that the newer version passed as the canary; hubot approves its release."""
    github, newer = released.github, released.newer
    name_server(released, SERVER)
    account = {"login": SERVER, "id": 77, "type": "User"}
    github.run |= {"event": "deployment_status", "actor": account, "triggering_actor": account}
    github.runs[FIRST] = started(FIRST)
    desire(released)
    github.deployments = [deployment(released)]
    github.status(300, "success", f"{newer.digest} promoted after 40 intervals", SERVER)
    github.approve(RUN, "hubot")
    return released


def name_server(repository: Repository, login: str | None) -> None:
    said = {"registry": "ghcr.io", **({"server": login} if login else {})}
    file = repository.root / ".github/settings/delivery.json"
    file.write_text(json.dumps(said), "utf-8")


def desire(repository: Repository, **by: Any) -> None:
    said = {"approver": "hubot", "champion": repository.older.tag}
    given = {"run": FIRST, "kind": DESIRED, "predicate": said, **by}
    attested.approve(repository.attestations, repository.newer.digest, **given)


def deployment(repository: Repository, **payload: Any) -> dict[str, Any]:
    newer = repository.newer
    said = {"version": newer.delivery.version, "digest": newer.digest, "run": FIRST, **payload}
    return {"id": 300, "task": "canary", "environment": "canary", "payload": said}


def second_half(repository: Repository, command: str, *more: str) -> Ran:
    """Run a command in the workflow run that the status has started."""
    given = ("approval", command, repository.newer.tag, "--deployment", "300", *more)
    return repository.run(*given, GITHUB_ACTOR=SERVER, GITHUB_TRIGGERING_ACTOR=SERVER)


def page(repository: Repository) -> tuple[str, ...]:
    return ("--approved", repository.newer.digest, "--champion", repository.older.tag)


def test_from_the_verdict_of_the_server_to_the_release(served: Repository) -> None:
    outputs = served.root / "outputs"
    second_half(served, "preflight", "--outputs", str(outputs)).went_well()
    said = dict(line.split("=") for line in outputs.read_text("utf-8").splitlines())
    assert said == {
        "digest": served.newer.digest,
        "champion": served.older.tag,
        "environment": "production",
    }
    assert "reports about its canary: **promoted after 40 intervals**" in served.page
    second_half(served, "confirm", *page(served)).went_well()
    attested.approve(served.attestations, served.newer.digest, run=RUN)
    second_half(served, "release", *page(served)).went_well()
    attested.release(served.attestations, served.newer.digest, run=RUN)
    served.run("champion", "fetch").went_well()
    assert served.champion() == served.newer.tag


def by_another_account(repository: Repository) -> None:
    """Everyone with write access can report on a deployment."""
    repository.github.statuses.clear()
    repository.github.status(300, "success", f"{repository.newer.digest} passed", "mallory")


def taken_back(repository: Repository) -> None:
    repository.github.status(300, "failure", f"{repository.newer.digest} 5xx", SERVER)


def of_another_package(repository: Repository) -> None:
    repository.github.statuses.clear()
    repository.github.status(300, "success", f"{repository.older.digest} promoted", SERVER)


def nobody_named(repository: Repository) -> None:
    name_server(repository, None)


def another_digest(repository: Repository) -> None:
    """The canary that was approved and tried was another delivery of this version."""
    repository.github.deployments = [deployment(repository, digest="0" * 64)]
    repository.github.statuses.clear()
    repository.github.status(300, "success", f"{'0' * 64} promoted", SERVER)


def no_request(repository: Repository) -> None:
    repository.github.deployments[0]["payload"] = "release it"


def another_run(repository: Repository) -> None:
    repository.github.runs[FIRST - 1] = started(FIRST - 1)
    repository.github.deployments = [deployment(repository, run=FIRST - 1)]


def never_approved(repository: Repository) -> None:
    attested.forget(repository.attestations, repository.newer.digest, DESIRED)


def attested_elsewhere(repository: Repository) -> None:
    never_approved(repository)
    desire(repository, workflow="CI")


def another_champion(repository: Repository) -> None:
    never_approved(repository)
    desire(repository, predicate={"approver": "hubot", "champion": "v2025.12.31-0123456789ab"})


def rolled_back(repository: Repository) -> None:
    attested.revoke(repository.attestations, repository.newer.digest, [RUN - 5], run=RUN)


def gone(repository: Repository) -> None:
    repository.github.deployments.clear()


def started_by_a_workflow(repository: Repository) -> None:
    bot = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}
    repository.github.runs[FIRST] |= {"actor": bot, "triggering_actor": bot}


ATTACKS: dict[str, tuple[Sabotage, str]] = {
    "another account": (by_another_account, "the status of deployment 300 is by mallory, and only"),
    "taken back": (taken_back, "failure, "),
    "another package's verdict": (of_another_package, f"the verdict of {SERVER} is not on the"),
    "no server": (nobody_named, "names no server, so no verdict on a canary is trusted"),
    "another digest": (another_digest, f"the canary was the delivery with the digest {'0' * 64}"),
    "no request": (no_request, "deployment 300 does not request a canary of a version"),
    "another run": (another_run, f"no attestation says that run {FIRST - 1} approved it as the"),
    "never approved": (never_approved, f"no attestation says that run {FIRST} approved it as the"),
    "attested elsewhere": (attested_elsewhere, f"no attestation says that run {FIRST} approved it"),
    "another champion": (another_champion, "but the canary was compared with v2025.12.31"),
    "rolled back since": (rolled_back, f"was rolled back after its canary in run {FIRST}"),
    "gone": (gone, "404"),
    "started by a workflow": (started_by_a_workflow, "a person must start a new run"),
}


@pytest.mark.parametrize("case", ATTACKS)
@pytest.mark.parametrize("command", ["confirm", "release"])
def test_after_the_approval_it_is_refused(served: Repository, case: str, command: str) -> None:
    attested.approve(served.attestations, served.newer.digest, run=RUN)
    sabotage, why = ATTACKS[case]
    sabotage(served)
    before = served.state()
    ran = second_half(served, command, *page(served))
    assert (ran.status, why in ran.line) == (2, True), ran.said
    assert served.state() == before
    assert not served.github.writes


@pytest.mark.parametrize("case", ATTACKS)
def test_before_the_approval_nobody_is_asked(served: Repository, case: str) -> None:
    sabotage, why = ATTACKS[case]
    sabotage(served)
    outputs = served.root / "outputs"
    ran = second_half(served, "preflight", "--outputs", str(outputs))
    assert (ran.status, why in ran.said) == (1, True), ran.said
    assert not outputs.exists()
    assert "nobody is asked to approve" in served.page


def test_another_version_was_released_meanwhile(served: Repository) -> None:
    """The page and the canary of this version were compared with a champion that no longer
    serves.
    """
    other = json.loads(json.dumps(served.github.release(served.older.tag)))
    other |= {"id": 7777, "tag_name": "v2026.05.05-0123456789ab"}
    served.github.releases.insert(0, other)
    served.github.latest = 7777
    ran = second_half(served, "confirm", *page(served))
    assert (ran.status, "the champion is v2026.05.05-0123456789ab now" in ran.line) == (2, True)


@pytest.mark.parametrize("login", ["octocat", SERVER])
def test_neither_the_starter_nor_the_server_can_approve(served: Repository, login: str) -> None:
    served.github.approvals.clear()
    served.github.approve(RUN, login)
    ran = second_half(served, "confirm", *page(served))
    assert (ran.status, f"run {RUN} was not approved for production" in ran.line) == (2, True)


def test_with_a_server_a_release_waits_for_its_verdict(served: Repository) -> None:
    served.github.run = started(RUN)
    given = ("approval", "confirm", served.newer.tag, *page(served))
    served.refuses(*given, why=f"{SERVER} has not reported on its canary yet")


@pytest.mark.parametrize("server", [SERVER, None])
def test_the_server_is_asked_for_the_canary(released: Repository, server: str | None) -> None:
    name_server(released, server)
    released.github.approve(RUN, "hubot", "canary")
    outputs = released.root / "outputs"
    given = ("approval", "desire", released.newer.tag, *page(released), "--outputs", str(outputs))
    released.run(*given).went_well()
    assert outputs.read_text("utf-8") == f"server={server or 'none'}\n"
    released.run("approval", "announce").went_well()
    asked = [(one["task"], one["payload"]) for one in released.github.deployments]
    wanted = {"version": released.newer.delivery.version, "digest": released.newer.digest}
    assert asked == ([("canary", {**wanted, "run": RUN})] if server else [])


def test_the_first_release_has_nothing_to_be_compared_with(delivered: Repository) -> None:
    name_server(delivered, SERVER)
    delivered.github.approve(RUN, "hubot", "canary")
    older, outputs = delivered.older, delivered.root / "outputs"
    given = (older.tag, "--approved", older.digest, "--champion", "none")
    delivered.run("approval", "desire", *given, "--outputs", str(outputs)).went_well()
    assert outputs.read_text("utf-8") == "server=none\n"


@pytest.mark.parametrize("server", ["", "two words", "-- x", 7])
def test_an_account_that_cannot_be_one(served: Repository, server: Any) -> None:
    file = served.root / ".github/settings/delivery.json"
    file.write_text(json.dumps({"registry": "ghcr.io", "server": server}), "utf-8")
    ran = second_half(served, "confirm", *page(served))
    assert (ran.status, "delivery.json is not valid" in ran.line) == (2, True)


def test_the_promotion_setting_of_a_package_is_used(served: Repository, tmp_path: Path) -> None:
    package = served.newer.package
    for said in ("automatic", "approval"):
        made = resealed(package, tmp_path, rollout={"promotion": said})
        assert promotion(cast(Downloaded, SimpleNamespace(package=made))) == said


class TestAutomatic:
    """`promotion: automatic` in params.yaml: a canary that passes needs no second approval."""

    @pytest.fixture
    def automatic(self, served: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
        """Replace the function that reads `promotion`, as if the delivered package said
        `automatic`.
        """
        monkeypatch.setattr("sluice.approval.approved.promotion", lambda target: "automatic")
        served.github.approvals.clear()
        return served

    def test_nobody_is_asked_again(self, automatic: Repository) -> None:
        outputs = automatic.root / "outputs"
        second_half(automatic, "preflight", "--outputs", str(outputs)).went_well()
        assert "environment=publish" in outputs.read_text("utf-8").split()
        assert "no further approval is needed" in automatic.page
        second_half(automatic, "confirm", *page(automatic)).went_well()
        said = json.loads((automatic.root / "out/approval/approval.json").read_bytes())
        assert said["approver"] == "hubot"
        attested.approve(automatic.attestations, automatic.newer.digest, run=RUN)
        second_half(automatic, "release", *page(automatic)).went_well()
        assert automatic.champion() == automatic.newer.tag

    @pytest.mark.parametrize("case", ["another account", "never approved", "rolled back since"])
    def test_an_attack_is_refused(self, automatic: Repository, case: str) -> None:
        attested.approve(automatic.attestations, automatic.newer.digest, run=RUN, kind=APPROVED)
        sabotage, why = ATTACKS[case]
        sabotage(automatic)
        ran = second_half(automatic, "release", *page(automatic))
        assert (ran.status, why in ran.line) == (2, True), ran.said
        assert not automatic.github.writes
