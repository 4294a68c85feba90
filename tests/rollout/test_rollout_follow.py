"""What a machine does with what GitHub says, and with what it says not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from sluice.config import Rollout
from sluice.errors import SluiceError
from sluice.rollout import ladder, state
from sluice.rollout.machine import follow
from sluice.rollout.machine.follow import Follow
from sluice.rollout.state import Phase
from sluice.verdict import Status

OLD, NEW = "2026.01.01-aaaaaaaaaaaa", "2026.01.02-bbbbbbbbbbbb"


class GitHub:
    """The newest full release, or an error; and what was fetched and rolled out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.latest: str | SluiceError | None = None
        self.fetched: list[str] = []
        self.deployed: list[Path] = []
        self.said: list[str] = []
        self.folder = folder
        monkeypatch.setattr(follow.access, "find", lambda repository: repository)
        monkeypatch.setattr(follow, "Releases", lambda access: Connection())
        monkeypatch.setattr(follow.current, "release", lambda releases: self.release())
        monkeypatch.setattr(follow.fetch, "run", self.fetch)
        monkeypatch.setattr(follow.deploy, "deploy", self.deploy)
        self.follow = Follow("owner/name", folder, 0, "x", 1, self.said.append, lambda _: None)

    def release(self) -> Any:
        if isinstance(self.latest, SluiceError):
            raise self.latest
        return None if self.latest is None else SimpleNamespace(tag_name=self.latest)

    def fetch(self, repository: str, target: Path, say: Any) -> None:
        assert target == self.folder / "fetched"
        self.fetched.append(str(self.latest))

    def deploy(self, folder: Path, package: Path, *_: Any) -> None:
        self.deployed.append(package)


class Connection:
    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitHub:
    return GitHub(monkeypatch, tmp_path)


def known(folder: Path, phase: Phase) -> None:
    begun = ladder.begun(OLD, NEW, Rollout())
    state.write(folder, replace(begun, phase=phase, verdict=Status.FAIL))


def test_a_new_release_is_fetched_and_rolled_out(github: GitHub) -> None:
    github.latest = f"v{NEW}"
    github.follow.once()
    assert github.fetched == [f"v{NEW}"]
    assert github.deployed == [github.folder / "fetched/package.tar"]


def test_without_a_release_nothing_happens(github: GitHub) -> None:
    github.follow.once()
    assert (github.fetched, github.deployed, github.said) == ([], [], [])


@pytest.mark.parametrize("phase", [Phase.PROMOTED, Phase.ROLLED_BACK])
def test_a_release_is_tried_once(github: GitHub, phase: Phase) -> None:
    known(github.folder, phase)
    github.latest = f"v{NEW}"
    github.follow.once()
    assert (github.fetched, github.deployed) == ([], [])
    github.latest = "v2026.01.03-cccccccccccc"
    github.follow.once()
    assert len(github.deployed) == 1


def test_a_rollout_under_way_goes_on_without_github(github: GitHub) -> None:
    known(github.folder, Phase.RAMP)
    github.latest = SluiceError("GitHub did not answer")
    github.follow.once()
    assert (github.fetched, len(github.deployed), github.said) == ([], 1, [])


def test_a_lost_network_is_said_and_changes_nothing(github: GitHub) -> None:
    github.latest = SluiceError("GitHub did not answer")
    github.follow.once()
    assert (github.fetched, github.deployed) == ([], [])
    assert github.said == ["GitHub did not answer"]
