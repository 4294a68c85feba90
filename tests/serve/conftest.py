"""Servers for tests: one that all tests of a process share, and others that a test starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.serving.server import RunningServer, UnpackedPackage, running, unpacked


@pytest.fixture(scope="session")
def package(built: Callable[[str], Toy]) -> Path:
    """The package of the binary fixture project, which tests must not change."""
    return built("binary").package


@pytest.fixture(scope="session")
def content(package: Path, tmp_path_factory: pytest.TempPathFactory) -> UnpackedPackage:
    return unpacked(package, tmp_path_factory.mktemp("content") / "package")


@pytest.fixture(scope="session")
def server(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with default settings, which the tests of one process share."""
    with running(package, tmp_path_factory.mktemp("server")) as shared:
        yield shared


@pytest.fixture
def serve(package: Path, tmp_path: Path) -> Callable[..., AbstractContextManager[RunningServer]]:
    """Starts a server with options for one test alone."""
    return partial(running, package, tmp_path)
