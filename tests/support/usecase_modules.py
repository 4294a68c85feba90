"""The package `usecase` of a project, when a test loads it in its own process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def own_usecase() -> Iterator[None]:
    """Within this context `usecase` is loaded anew, and afterwards it is what it was before."""
    path, held = list(sys.path), _taken()
    try:
        yield
    finally:
        _taken()
        sys.path[:] = path
        sys.modules.update(held)


def _taken() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] == "usecase"]
    return {name: sys.modules.pop(name) for name in names}
