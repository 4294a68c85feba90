"""A project with the template's own settings, before a GitHub that a test can spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sluice.github.settings.owners import PLACEHOLDER
from support.fixture_project import Toy
from support.github.fake_github import FakeGitHub, serve
from support.github.place import Place

SETTINGS = Path(__file__).parents[2] / ".github/settings"
OWNED = SETTINGS.parent.joinpath("CODEOWNERS").read_text("utf-8").replace(PLACEHOLDER, "@octocat")


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Callable[[FakeGitHub], Place]]:
    with ExitStack() as stack:

        def make(github: FakeGitHub) -> Place:
            shutil.copytree(SETTINGS, tmp_path / ".github/settings")
            (tmp_path / ".github/CODEOWNERS").write_text(OWNED, "utf-8")
            server, url = serve(github)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            place = Place(Toy(tmp_path), github, url)
            place.name_reviewers()  # a copy of the template has named its own
            return place

        yield make


@pytest.fixture
def empty(before: Callable[[FakeGitHub], Place]) -> Place:
    """A fresh copy of the template."""
    return before(FakeGitHub())
