"""A pull request with a run of CI, on a fake GitHub that a test can change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from support.fixture_project import params
from support.github.comments import artifact
from support.github.fake_github import FakeGitHub
from support.github.fake_pulls import BASE, HEAD
from support.github.place import Place
from support.github.storage import Storage


@pytest.fixture
def storage() -> Iterator[Storage]:
    """The server that has the artifact's content."""
    made = Storage()
    made.content = artifact()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def place(before: Callable[[FakeGitHub], Place], storage: Storage) -> Place:
    """A repository with one pull request, whose params.yaml is that of the base branch."""
    github = FakeGitHub()
    settings = json.dumps(params("binary")).encode()
    github.contents = {
        ("octo/shop", "params.yaml", BASE): settings,
        ("octo/shop", "params.yaml", HEAD): settings,
    }
    github.storage = storage.url
    return before(github)
