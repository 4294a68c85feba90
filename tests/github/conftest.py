"""A project with the template's own settings, and a fake GitHub that a test can change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sluice.github.settings.owners import PLACEHOLDER
from support.command_line import CommandLine
from support.fixture_project import Toy
from support.github.fake_github import FakeGitHub
from support.github.finished import finished
from support.github.place import Place
from support.github.server import serve

SETTINGS = Path(__file__).parents[2] / ".github/settings"
OWNED = SETTINGS.parent.joinpath("CODEOWNERS").read_text("utf-8").replace(PLACEHOLDER, "@octocat")


@pytest.fixture
def before(tmp_path: Path, command_line: CommandLine) -> Iterator[Callable[[FakeGitHub], Place]]:
    with ExitStack() as stack:

        def make(github: FakeGitHub) -> Place:
            shutil.copytree(SETTINGS, tmp_path / ".github/settings")
            (tmp_path / ".github/CODEOWNERS").write_text(OWNED, "utf-8")
            server, url = serve(github)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            place = Place(Toy(tmp_path), github, url, command_line)
            place.name_reviewers()  # a copy of the template has named its own
            return place

        yield make


@pytest.fixture
def empty(before: Callable[[FakeGitHub], Place]) -> Place:
    """A fresh copy of the template."""
    return before(FakeGitHub())


@pytest.fixture
def whole(before: Callable[[FakeGitHub], Place]) -> Place:
    """A repository that is set up, with octocat as the reviewer."""
    place = before(finished())
    place.name_reviewers({"user": "octocat"})
    return place
