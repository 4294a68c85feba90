"""Here a task has its own interpreter, as in production."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def forked_tasks() -> None:
    """Separate from that of all other tests."""
