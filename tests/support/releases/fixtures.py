"""Two versions, delivered once by the real commands, on a fake GitHub that a test can change."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sluice.package import verify
from sluice.package.archive import Package
from sluice.package.manifest import encode
from sluice.verdict import Finding
from support.command_line import CommandLine
from support.fixture_project import Toy
from support.github.server import serve
from support.releases.repository import Repository, before
from support.releases.versions import Versions, deliver_two
from support.shared import once

_run_scenarios = verify._run_scenarios
_found: dict[bytes, list[Finding]] = {}  # keyed by the manifest, which has the digest of every file


@pytest.fixture(scope="session")
def versions(built: Callable[[str], Toy], run_folder: Path) -> Versions:
    """Both delivered versions. Tests may read and copy these files, but must not change them."""
    toy = built("binary")
    return shared_versions(run_folder, "versions", lambda root: deliver_two(toy, root))


def shared_versions(run_folder: Path, name: str, make: Callable[[Path], Versions]) -> Versions:
    """What `make` delivers into a folder, in whichever process of this run."""

    def deliver(root: Path) -> None:
        made = make(root)
        (root / "versions.pickle").write_bytes(pickle.dumps(made))

    folder = once(run_folder, name, deliver)
    kept: Versions = pickle.loads((folder / "versions.pickle").read_bytes())
    return kept


def _remember_scenarios(package: Package, where: str) -> list[Finding]:
    """Run the scenarios of a package once, in a new interpreter, and remember the findings.

    That interpreter and its limits are tested in tests/package.
    """
    key = encode(package.manifest)
    if key not in _found:
        _found[key] = _run_scenarios(package, where)
    return list(_found[key])


@pytest.fixture
def bare(
    versions: Versions,
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Repository]:
    """A repository that is set up and has no release yet; octocat starts runs, hubot reviews."""
    monkeypatch.setattr(verify, "_run_scenarios", _remember_scenarios)
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
