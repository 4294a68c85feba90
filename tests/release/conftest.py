"""Two versions, delivered once by the real commands, before a GitHub that a test can spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.github.fake_github import serve
from support.releases.counter import Counter, before
from support.releases.wares import Stock, deliver_two


@pytest.fixture(scope="session")
def stock(built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """To look at and to copy, not to change."""
    return deliver_two(built("binary"), tmp_path_factory.mktemp("stock"))


@pytest.fixture
def bare(
    stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Counter]:
    """A repository that is set up and has no release yet; octocat runs things, hubot reviews."""
    github = before()
    server, _ = serve(github)
    shutil.copytree(stock.notes, tmp_path / "state/attestations")
    made = Counter(tmp_path, github, stock, monkeypatch, capfd)
    made.name_reviewers("hubot")
    yield made
    server.shutdown()
    server.server_close()
    assert not github.undocumented


@pytest.fixture
def counter(bare: Counter) -> Counter:
    """The same with both versions delivered, and neither released."""
    bare.take_stock()
    return bare


@pytest.fixture
def released(counter: Counter) -> Counter:
    """The older one is the champion, the newer a pre-release."""
    counter.make_champion(counter.older.tag)
    return counter
