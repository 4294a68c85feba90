"""Forks of the template, each with its own fake GitHub, and a local registry."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.image.registry import registry
from support.shared import once
from support.workflows.fork import fork
from support.workflows.repository import Place, settle


@pytest.fixture(scope="session")
def template(run_folder: Path, built: Callable[[str], Toy]) -> Path:
    """The fork that one test process creates and the others reuse."""
    return once(run_folder, "fork", lambda folder: fork(folder, built("binary")))


@pytest.fixture
def place(template: Path, run_folder: Path, tmp_path: Path) -> Iterator[Place]:
    """A repository that is set up, with a reviewer who does not start the release."""
    with ExitStack() as stack:
        yield settle(stack, template, run_folder, tmp_path)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found.host


@pytest.fixture(scope="session")
def delivered(
    template: Path, run_folder: Path, store: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The result of a complete run of deliver.yml: its fork, and the state of GitHub afterwards."""
    folder = tmp_path_factory.mktemp("delivered")
    with ExitStack() as stack:
        place = settle(stack, template, run_folder, folder)
        place.push_images_to(store)
        ran = place.push()
        assert ran.status == 0, ran.log[-8000:]
        (folder / "ran.json").write_text(json.dumps([ran.jobs, ran.steps, ran.log]))
        place.github.save(folder / "github.json")
    return folder


@pytest.fixture
def after_delivery(
    delivered: Path, run_folder: Path, store: str, tmp_path: Path
) -> Iterator[Place]:
    """The fork after deliver.yml: one version is delivered, and none is released."""
    with ExitStack() as stack:
        place = settle(stack, delivered / "fork", run_folder, tmp_path)
        place.github.load(delivered / "github.json")
        shutil.copytree(delivered / "state/attestations", place.workflows.state / "attestations")
        yield place
