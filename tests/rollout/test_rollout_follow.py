"""A machine acts on GitHub's state only if it is attested, and only once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sluice.config import Rollout
from sluice.delivery.publication import DESIRED
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.deployments import Deployments
from sluice.github.api.releases import Releases
from sluice.rollout import ladder, state
from sluice.rollout.machine import follow, request
from sluice.rollout.machine.follow import Follow
from sluice.rollout.machine.wanted import Source
from sluice.rollout.machine.watch import TOKEN as REPORTS
from sluice.rollout.machine.watch import Watch
from sluice.rollout.state import Phase, State
from sluice.verdict import Status
from support.github.fake_github import TOKEN
from support.releases import attested
from support.releases.repository import REPOSITORY, RUN, Repository, environment

FIRST = RUN - 1
Sabotage = Callable[["Machine"], object]


class Machine:
    """Production that serves the older version; what it deploys is noted and not started."""

    def __init__(self, repository: Repository, source: Source, monkeypatch: Any) -> None:
        self.repository, self.github, self.source = repository, repository.github, source
        self.folder = repository.root / "production"
        self.folder.mkdir()
        self.serves = repository.older.delivery.version
        self.did: list[tuple[str, str]] = []
        self.said: list[str] = []
        monkeypatch.setattr(Follow, "_serves", lambda _: self.serves)
        monkeypatch.setattr(follow.deploy, "deploy", self.deploy)
        monkeypatch.setattr(follow.deploy, "switch", self.switch)
        given = (REPOSITORY, self.folder, 0, "x", 0.01, self.said.append, lambda _: None)
        self.follow = Follow(*given)

    @property
    def newer(self) -> str:
        return self.repository.newer.delivery.version

    def deploy(self, folder: Path, file: Path, *_: Any, wait: bool = False) -> None:
        assert file.read_bytes() == self._package(file)
        self.did.append(("canary" if wait else "rollout", self.newer))
        self.ended(Phase.ROLLED_BACK)

    def switch(self, folder: Path, file: Path, why: str, *_: Any) -> None:
        self._package(file)
        self.did.append(("switch", why))

    def _package(self, file: Path) -> bytes:
        known = (self.repository.older, self.repository.newer)
        return next(b for one in known if (b := one.package.read_bytes()) == file.read_bytes())

    def ended(self, phase: Phase, verdict: Status = Status.FAIL) -> State:
        begun = ladder.begun(self.serves, self.newer, Rollout())
        known = replace(begun, phase=phase, verdict=verdict)
        state.write(self.folder, known)
        return known

    def ask(self, **payload: Any) -> None:
        """Request a canary, as release.yml does after its approval."""
        newer = self.repository.newer
        said = {"approver": "hubot", "champion": self.repository.older.tag}
        given = {"run": FIRST, "kind": DESIRED, "predicate": said}
        attested.approve(self.repository.attestations, newer.digest, **given)
        self.deployment(**payload)

    def deployment(self, **payload: Any) -> None:
        newer = self.repository.newer
        wanted = {"version": self.newer, "digest": newer.digest, "run": FIRST, **payload}
        number = 300 + len(self.github.deployments)
        made = {"id": number, "task": "canary", "environment": "canary", "payload": wanted}
        self.github.deployments.insert(0, made)

    def once(self) -> list[tuple[str, str]]:
        self.did.clear()
        self.follow.once(self.source)
        return self.did


@pytest.fixture
def machine(released: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    for name, value in environment(released.github.url, released.root).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(REPORTS, raising=False)
    found = access.find(REPOSITORY)
    with ExitStack() as stack:
        source = Source(
            stack.enter_context(Releases(found)), stack.enter_context(Deployments(found))
        )
        yield Machine(released, source, monkeypatch)


def test_the_current_version_is_kept_and_requested_conditionally(machine: Machine) -> None:
    assert [machine.once() for _ in range(3)] == [[], [], []]
    asked = [path.partition("?")[0] for path in machine.github.unchanged]
    latest, deployments = (f"/repos/octo/shop/{one}" for one in ("releases/latest", "deployments"))
    assert (asked.count(latest), asked.count(deployments)) == (2, 2)
    assert machine.said == []


def test_a_canary_that_was_approved_is_tried_once(machine: Machine) -> None:
    machine.ask()
    assert machine.once() == [("canary", machine.newer)]
    assert machine.once() == []
    asked = request.read(machine.folder)
    assert asked is not None
    assert (asked.digest, asked.run, asked.deployment) == (
        machine.repository.newer.digest,
        FIRST,
        300,
    )


def test_killed_before_the_rollout_began_it_is_tried_after_all(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    machine.ask()
    with monkeypatch.context() as patched:
        patched.setattr(follow.deploy, "deploy", killed)
        with pytest.raises(KeyboardInterrupt):
            machine.once()
    assert machine.once() == [("canary", machine.newer)]


def unattested(machine: Machine) -> None:
    attested.forget(machine.repository.attestations, machine.repository.newer.digest, DESIRED)


def unbuilt(machine: Machine) -> None:
    attested.forget(machine.repository.attestations, machine.repository.newer.digest)


def another_digest(machine: Machine) -> None:
    machine.deployment(digest="0" * 64)


def another_run(machine: Machine) -> None:
    machine.deployment(run=FIRST - 1)


def swapped(machine: Machine) -> None:
    machine.github.swap(machine.repository.newer.tag, "delivery.json", b"{}")


def package_swapped(machine: Machine) -> None:
    name = machine.repository.newer.delivery.package
    machine.github.swap(machine.repository.newer.tag, name, b"another")


def another_champion(machine: Machine) -> None:
    unattested(machine)
    said = {"approver": "hubot", "champion": "v2025.12.31-0123456789ab"}
    digest = machine.repository.newer.digest
    attested.approve(
        machine.repository.attestations, digest, run=FIRST, kind=DESIRED, predicate=said
    )


def rolled_back(machine: Machine) -> None:
    attested.revoke(machine.repository.attestations, machine.repository.newer.digest, [], run=RUN)


def no_request(machine: Machine) -> None:
    machine.github.deployments[0]["payload"] = "run it"


ATTACKS: dict[str, tuple[Sabotage, str]] = {
    "unattested": (unattested, f"no attestation says that run {FIRST} approved"),
    "not built by the workflow": (unbuilt, "there is no attestation that"),
    "another digest": (another_digest, f"but {'0' * 64} was requested"),
    "another run": (another_run, f"no attestation says that run {FIRST - 1} approved"),
    "delivery.json swapped": (swapped, "is not a valid record of a delivery"),
    "package swapped": (package_swapped, "is not the one in delivery.json"),
    "another champion": (another_champion, "to be compared with v2025.12.31-0123456789ab, but"),
    "rolled back since": (rolled_back, f"was rolled back after run {FIRST}"),
    "no request": (no_request, "does not request a canary of a version"),
}


@pytest.mark.parametrize("case", ATTACKS)
def test_an_unapproved_canary_is_not_tried(machine: Machine, case: str) -> None:
    machine.ask()
    sabotage, why = ATTACKS[case]
    sabotage(machine)
    assert machine.once() == []
    assert machine.once() == []
    assert len(machine.said) == 1, machine.said
    assert why in machine.said[0]


def test_an_approval_counts_once(machine: Machine) -> None:
    """Everyone with write access can repeat the request; the attestation still exists."""
    machine.ask()
    machine.once()
    machine.deployment()
    assert machine.once() == []
    assert "is valid only once; it is not tried again" in machine.said[-1]


def test_a_full_release_is_rolled_out_and_tried_once(machine: Machine) -> None:
    machine.repository.make_champion(machine.repository.newer.tag)
    assert machine.once() == [("rollout", machine.newer)]
    assert machine.once() == []


def test_a_release_that_was_made_by_hand_is_not_rolled_out(machine: Machine) -> None:
    machine.repository.make_full(machine.repository.newer.tag)
    assert machine.once() == []
    assert "there is no attestation of .github/workflows/release.yml" in machine.said[-1]


def test_a_rollback_needs_no_canary(machine: Machine) -> None:
    """The newer version serves, and the workflow has made the older one the champion again."""
    newer = machine.repository.newer
    machine.ended(Phase.PROMOTED)
    machine.serves = newer.delivery.version
    attested.release(machine.repository.attestations, newer.digest)
    assert machine.once() == []  # only the revocation says that it is a rollback
    attested.revoke(machine.repository.attestations, newer.digest, [attested.EARLIER])
    ((what, why),) = machine.once()
    assert what == "switch"
    assert f"rolled {machine.newer} back to {machine.repository.older.tag}" in why


def test_a_lost_network_is_reported_once_and_changes_nothing(machine: Machine) -> None:
    machine.ask()
    machine.github.interfere = lambda *_: (503, {"message": "down"})
    assert [machine.once() for _ in range(3)] == [[], [], []]
    assert len(machine.said) == 1
    machine.github.interfere = lambda *_: None
    assert machine.once() == [("canary", machine.newer)]


class TestWatch:
    """Events on GitHub while the canary runs."""

    @pytest.fixture
    def passed(self, machine: Machine) -> Machine:
        machine.ask()
        newer = machine.repository.newer
        made = request.Request(
            machine.newer, newer.digest, machine.repository.older.tag, FIRST, 300
        )
        request.write(machine.folder, made)
        machine.ended(Phase.PASSED, Status.PASS)
        return machine

    def look(self, machine: Machine) -> set[str]:
        """The files that control the rollout."""
        found = access.find(REPOSITORY)
        Watch(found, machine.folder, machine.newer, 1, machine.said.append).look(machine.source)
        return {one for one in (state.APPROVAL, state.ABORT) if (machine.folder / one).exists()}

    def test_it_is_promoted_once_it_is_released(self, passed: Machine) -> None:
        assert self.look(passed) == set()
        passed.repository.make_champion(passed.repository.newer.tag)
        assert self.look(passed) == {state.APPROVAL}

    def test_a_release_by_hand_promotes_nothing(self, passed: Machine) -> None:
        passed.repository.make_full(passed.repository.newer.tag)
        with pytest.raises(SluiceError, match="there is no attestation"):
            self.look(passed)
        assert not (passed.folder / state.APPROVAL).exists()

    def test_another_release_ends_the_canary(self, passed: Machine) -> None:
        other = json.loads(json.dumps(passed.github.release(passed.repository.older.tag)))
        passed.github.releases.insert(
            0, other | {"id": 7777, "tag_name": "v2026.05.05-0123456789ab"}
        )
        passed.github.latest = 7777
        assert self.look(passed) == {state.ABORT}
        assert "the champion on GitHub is v2026.05.05" in state.why_aborted(passed.folder)

    def test_it_is_reported_once_and_only_with_a_token_for_reports(
        self, passed: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.look(passed)
        assert passed.github.statuses == {}
        monkeypatch.setenv(REPORTS, TOKEN)
        self.look(passed)
        self.look(passed)
        (said,) = passed.github.statuses[300]
        assert said["state"] == "success"
        assert said["description"].startswith(f"{passed.repository.newer.digest} passed")
        assert len(said["description"]) <= 140

    @pytest.mark.parametrize(
        ("verdict", "word"), [(Status.FAIL, "failure"), (Status.INSUFFICIENT, "error")]
    )
    def test_a_failed_report_is_repeated_later(
        self, passed: Machine, monkeypatch: pytest.MonkeyPatch, verdict: Status, word: str
    ) -> None:
        monkeypatch.setenv(REPORTS, TOKEN)
        passed.ended(Phase.ROLLED_BACK, verdict)
        passed.github.interfere = lambda *_: (503, {"message": "down"})
        passed.once()
        assert passed.github.statuses == {}
        passed.github.interfere = lambda *_: None
        passed.once()
        assert [one["state"] for one in passed.github.statuses[300]] == [word]
