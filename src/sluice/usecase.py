"""Load the code of the use case from the project's own `src` folder."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice import files
from sluice.errors import SluiceError
from sluice.project import Project


def load(project: Project, module: str, name: str) -> Any:
    """Import `src/usecase/<module>.py` and return its `name`: a mapping or a sequence.

    Raises SluiceError if the module has a merge conflict or cannot be imported, or if `name` is
    missing or of another type. The project's own code is imported even if another copy is
    installed.
    """
    where = f"src/usecase/{module}.py"
    if (project.root / where).is_file():
        files.require_merged((project.root / where).read_bytes(), where)
    source = str((project.root / "src").resolve())
    if sys.path[0] != source:
        sys.path.insert(0, source)
    try:
        loaded = importlib.import_module(f"usecase.{module}")
    except (Exception, SystemExit) as error:  # the module may raise anything
        raise SluiceError(f"{where}: {type(error).__name__}: {error}") from error
    if not hasattr(loaded, name):
        raise SluiceError(f"{where} does not define {name}")
    value = getattr(loaded, name)
    kind = Mapping if name == "CANDIDATES" else Sequence
    if not isinstance(value, kind):
        raise SluiceError(f"{where}: {name} is {value!r:.100}, expected a {kind.__name__.lower()}")
    return value
