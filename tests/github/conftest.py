"""A project with the template's own settings, before a GitHub that a test can spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_github import FakeGitHub, serve
from place import Place

from fixture_project import Toy

SETTINGS = Path(__file__).parents[2] / ".github/settings"


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Callable[[FakeGitHub], Place]]:
    with ExitStack() as stack:

        def make(github: FakeGitHub) -> Place:
            shutil.copytree(SETTINGS, tmp_path / ".github/settings")
            server, url = serve(github)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return Place(Toy(tmp_path), github, url)

        yield make


@pytest.fixture
def empty(before: Callable[[FakeGitHub], Place]) -> Place:
    """A fresh copy of the template."""
    return before(FakeGitHub())
