"""Servers for tests: one a task for those who only ask, others of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.serving.running import Running, Unpacked, running, unpacked


@pytest.fixture(scope="session")
def package(built: Callable[[str], Toy]) -> Path:
    """The binary project's package; to read, not to change."""
    return built("binary").package


@pytest.fixture(scope="session")
def content(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    return unpacked(package, tmp_path_factory.mktemp("content") / "package")


@pytest.fixture(scope="session")
def server(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with its defaults, shared by the tests of one process."""
    with running(package, tmp_path_factory.mktemp("server")) as shared:
        yield shared


@pytest.fixture
def serve(package: Path, tmp_path: Path) -> Callable[..., AbstractContextManager[Running]]:
    """Start a server of the test's own, with options."""
    return partial(running, package, tmp_path)
