"""Packages to roll out, and production on this machine for tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sluice.package.archive import Package, unpacked
from sluice.rollout.machine.control import Control
from sluice.rollout.rehearsal import load
from sluice.rollout.rehearsal.clients import Plan, Sent
from sluice.rollout.rehearsal.load import Load
from sluice.rollout.weights import ALL_STABLE
from support.fixture_project import Toy
from support.releases.fixtures import bare, delivered, released, shared_versions
from support.releases.versions import Versions, deliver_two
from support.rollout import SETTINGS, resealed, until

__all__ = ["bare", "delivered", "released"]

TOKEN = "x" * 20


@dataclass(frozen=True)
class Pair:
    """Two package files of one model: the candidate has settings that make a rollout quick."""

    champion: Path
    candidate: Path


@pytest.fixture(scope="session")
def pair(built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory) -> Pair:
    package = built("binary").package
    return Pair(package, resealed(package, tmp_path_factory.mktemp("pair"), rollout=SETTINGS))


@pytest.fixture(scope="session")
def versions(built: Callable[[str], Toy], run_folder: Path) -> Versions:
    """Two delivered versions, the newer of which has settings that make a rollout quick."""

    def deliver(root: Path) -> Versions:
        return deliver_two(built("binary"), root, rollout=SETTINGS)

    return shared_versions(run_folder, "versions-of-quick-rollouts", deliver)


@pytest.fixture(scope="session")
def opened_pair(pair: Pair) -> Iterator[tuple[Package, Package]]:
    """Champion and candidate, unpacked."""
    with ExitStack() as stack:
        yield (
            stack.enter_context(unpacked(pair.champion)),
            stack.enter_context(unpacked(pair.candidate)),
        )


@pytest.fixture
def control(tmp_path: Path, opened_pair: tuple[Package, Package]) -> Iterator[Control]:
    """Production on this machine: the proxy, and the champion with all requests."""
    version = opened_pair[0].manifest.version
    control = Control(tmp_path / "production")
    package = shutil.copytree(opened_pair[0].folder, control.folder / "packages" / version)
    try:
        control.open(0, TOKEN, 0.25)
        control.start("stable", package, version)
        control.set_weights(ALL_STABLE)
        until(lambda: control.applied(ALL_STABLE))
        yield control
    finally:
        control.close()


class Callers:
    """An open loop of requests with unique ids, and their results."""

    def __init__(self, control: Control, package: Package, rate: float) -> None:
        machine = control.machine
        self.control = control
        self._load = Load(Plan(machine.port, machine.token, rate, load.records(package)))
        self.sent: list[Sent] = []

    def __enter__(self) -> Callers:
        self._load.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._load.__exit__()

    def none_lost(self) -> int:
        """Stop, and assert that each request has one score; returns the number of requests."""
        self.sent = self._load.end()
        assert [each for each in self.sent if each.status != 200] == []
        assert load.repeated((self.control.folder / "log").iterdir()) == 0
        return len(self.sent)


@pytest.fixture
def callers_of(opened_pair: tuple[Package, Package]) -> Callable[..., Callers]:
    """`with callers_of(control, rate) as some:` sends requests for as long as the block takes."""
    return lambda control, rate=60.0: Callers(control, opened_pair[0], rate)


@pytest.fixture
def callers(control: Control, callers_of: Callable[..., Callers]) -> Callable[..., Callers]:
    """Callers of the production in the fixture `control`."""
    return lambda rate=60.0: callers_of(control, rate)
