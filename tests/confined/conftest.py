"""Here a task has its own interpreter, as in production."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def forked_tasks() -> None:
    """Replace the fixture of all other tests, in which a task is a fork of a prepared process."""
