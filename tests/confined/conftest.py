"""Here a task has an interpreter of its own, as in production."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def forked_tasks() -> None:
    """Not the one of all other tests."""
