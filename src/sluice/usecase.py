"""The forker's code, loaded from the project's own `src`, whichever sluice runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.errors import SluiceError
from sluice.project import Project


def load(project: Project, module: str, name: str) -> Any:
    """`name` from `src/usecase/<module>.py`; SluiceError if it cannot be had."""
    source = str((project.root / "src").resolve())
    if sys.path[0] != source:
        sys.path.insert(0, source)
    where = f"src/usecase/{module}.py"
    try:
        loaded = importlib.import_module(f"usecase.{module}")
    except (Exception, SystemExit) as error:  # whatever the forker's code raises on import
        raise SluiceError(f"{where}: {type(error).__name__}: {error}") from error
    if not hasattr(loaded, name):
        raise SluiceError(f"{where}: expected it to define {name}")
    value = getattr(loaded, name)
    kind = Mapping if name == "CANDIDATES" else Sequence
    if not isinstance(value, kind):
        raise SluiceError(f"{where}: {name} is {value!r:.100}, expected a {kind.__name__.lower()}")
    return value
