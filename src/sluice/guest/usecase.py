"""Load the code of the use case; only tasks in confined processes do this."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from sluice.confined.run import ERROR
from sluice.errors import SluiceError

_REFUSED = 3
Task = Callable[..., None]


def task(run: Task) -> Callable[..., int]:
    """Wrap the `main` of a task: a SluiceError is written to a file, so that its reason can be
    read.
    """

    @functools.wraps(run)
    def main(inputs: Path, outputs: Path, *arguments: str) -> int:
        try:
            run(inputs, outputs, *arguments)
        except SluiceError as error:
            (outputs / ERROR).write_text(str(error), "utf-8")
            return _REFUSED
        return 0

    return main


def _import_package(folder: Path) -> None:
    if "usecase" not in sys.modules:
        loader = SourceFileLoader("usecase", str(folder / "__init__.py"))
        spec = ModuleSpec("usecase", loader, origin=loader.path, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        package = importlib.util.module_from_spec(spec)
        sys.modules["usecase"] = package
        if Path(loader.path).is_file():
            loader.exec_module(package)


def load(inputs: Path, module: str, name: str) -> Any:
    """Import `usecase/<module>.py` and return its `name`: a mapping or a sequence.

    Raises SluiceError if the module cannot be imported, or if `name` is missing or of another
    type. No folder of the project is on the module path, so no file in it can replace a library.
    """
    where = f"src/usecase/{module}.py"
    try:
        _import_package(inputs / "usecase")
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
