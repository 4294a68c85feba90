"""Two versions, delivered once by the real commands, on a fake GitHub that a test can change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.fixture_project import Toy
from support.github.server import serve
from support.releases.repository import Repository, before
from support.releases.versions import Versions, deliver_two

# Several test folders import the fixture below, and pytest treats each import as another fixture.
_DELIVERED: dict[Path, Versions] = {}


@pytest.fixture(scope="session")
def versions(built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """Read and copy them; do not change them."""
    toy = built("binary")
    if toy.root not in _DELIVERED:
        _DELIVERED[toy.root] = deliver_two(toy, tmp_path_factory.mktemp("versions"))
    return _DELIVERED[toy.root]


@pytest.fixture
def bare(
    versions: Versions,
    tmp_path: Path,
    command_line: CommandLine,
) -> Iterator[Repository]:
    """A repository that is set up and has no release yet; octocat starts runs, hubot reviews."""
    github = before()
    server, _ = serve(github)
    shutil.copytree(versions.attestations, tmp_path / "state/attestations")
    github.attested = tmp_path / "state/attestations"
    made = Repository(tmp_path, github, versions, command_line)
    made.name_reviewers("hubot")
    yield made
    server.shutdown()
    server.server_close()
    assert not github.undocumented


@pytest.fixture
def delivered(bare: Repository) -> Repository:
    """Both versions are delivered, and neither is released."""
    bare.deliver_both()
    return bare


@pytest.fixture
def released(delivered: Repository) -> Repository:
    """The older version is the champion, the newer one a pre-release."""
    delivered.make_champion(delivered.older.tag)
    return delivered
