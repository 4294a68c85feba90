"""`sluice rollout follow` as a process: real servers, a fake GitHub, kills, no network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from sluice.delivery.publication import DESIRED
from sluice.rollout import state
from sluice.rollout.machine import processes
from sluice.rollout.machine.control import Control
from sluice.rollout.machine.watch import TOKEN as REPORTS
from sluice.rollout.state import Phase
from sluice.rollout.weights import ALL_STABLE
from support.github.fake_github import TOKEN
from support.releases import attested
from support.releases.repository import REPOSITORY, RUN, Repository, environment
from support.rollout import until

FIRST = RUN - 1


class Machine:
    """A machine that follows; `start` and `kill` affect only the command."""

    def __init__(self, repository: Repository) -> None:
        self.repository, self.github = repository, repository.github
        self.control = Control(repository.root / "production")
        self.output = repository.root / "followed.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        own = environment(self.github.url, self.repository.root)
        given = ("--folder", str(self.control.folder), "--port", "0", "--every", "0.3")
        with self.output.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "sluice.cli", "rollout", "follow", REPOSITORY, *given],
                env={**os.environ, **own, "SLUICE_TOKEN": "x" * 20, REPORTS: TOKEN},
                stdout=stream,
                stderr=stream,
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def reached(self, phase: Phase, intervals: int = 0) -> None:
        def there() -> bool:
            known = state.read(self.control.folder)
            return known is not None and known.phase is phase and len(known.intervals) >= intervals

        self.until(there)

    def serves(self, version: str) -> None:
        self.until(lambda: {"stable": version} == self.running())

    def running(self) -> dict[str, str]:
        return {arm: server.version for arm, server in self.control.machine.servers.items()}

    def until(self, holds: Callable[[], bool]) -> None:
        try:
            until(holds, 120)
        except AssertionError:
            raise AssertionError(self.output.read_text("utf-8")) from None

    def ask(self) -> None:
        """Request a canary, as release.yml does after its approval."""
        newer, older = self.repository.newer, self.repository.older
        said = {"approver": "hubot", "champion": older.tag}
        given = {"run": FIRST, "kind": DESIRED, "predicate": said}
        attested.approve(self.repository.attestations, newer.digest, **given)
        wanted = {"version": newer.delivery.version, "digest": newer.digest, "run": FIRST}
        made = {"id": 300, "task": "canary", "environment": "canary", "payload": wanted}
        self.github.deployments.insert(0, made)

    def reports(self) -> list[str]:
        return [one["state"] for one in reversed(self.github.statuses.get(300, []))]


@pytest.fixture
def machine(released: Repository) -> Iterator[Machine]:
    made = Machine(released)
    try:
        made.start()
        made.serves(released.older.delivery.version)
        until(lambda: made.control.applied(ALL_STABLE))
        yield made
    finally:
        made.kill()
        made.control.close()


def test_from_the_request_to_the_rollback(machine: Machine, callers_of: Callable[..., Any]) -> None:
    newer, older = machine.repository.newer, machine.repository.older
    with callers_of(machine.control) as some:
        machine.ask()
        machine.reached(Phase.RAMP, 3)
        machine.github.interfere = lambda *_: (503, {"message": "the network is lost"})
        machine.kill()
        machine.start()
        machine.reached(Phase.PASSED, 30)  # the rollout needs no network
        assert machine.reports() == ["in_progress"]
        machine.github.interfere = lambda *_: None
        machine.until(lambda: machine.reports() == ["in_progress", "success"])
        assert machine.github.statuses[300][0]["description"].startswith(newer.digest)
        assert set(machine.running()) == {"stable", "baseline", "canary"}  # waits for the release

        machine.repository.make_champion(newer.tag)
        machine.serves(newer.delivery.version)
        assert machine.github.unchanged

        attested.revoke(machine.repository.attestations, newer.digest, [attested.EARLIER])
        machine.github.release(newer.tag)["prerelease"] = True
        machine.github.latest = machine.github.release(older.tag)["id"]
        machine.serves(older.delivery.version)
        assert some.none_lost() > 300
    machine.until(lambda: machine.reports() == ["in_progress", "success", "error"])
    assert "has rolled" in machine.output.read_text("utf-8")


def test_in_case_of_doubt_the_canary_gets_no_requests(
    machine: Machine, callers_of: Callable[..., Any]
) -> None:
    """The command and the proxy die at once, and the servers of the canary with them."""
    with callers_of(machine.control):
        machine.ask()
        machine.reached(Phase.RAMP, 3)
        running = machine.control.machine
        assert running.proxy is not None
        machine.kill()
        killed = (running.servers["canary"].process, running.proxy)
        for process in killed:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            os.kill(process.pid, signal.SIGKILL)
        # A killed process exists until the kernel gets to it, which a busy machine delays.
        until(lambda: not any(processes.alive(process) for process in killed))
    known = state.read(machine.control.folder)
    assert known is not None
    machine.control.restore()  # what a boot does first, before any question to GitHub
    until(lambda: machine.control.applied(ALL_STABLE))
    assert machine.control.machine.weights == ALL_STABLE
    changes = len(known.changes)
    machine.start()

    def begun_anew() -> bool:
        now = state.read(machine.control.folder)
        return now is not None and len(now.changes) >= changes + 2

    machine.until(begun_anew)
    now = state.read(machine.control.folder)
    assert now is not None
    assert now.changes[changes].weights == ALL_STABLE
