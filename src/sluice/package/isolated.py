"""Run a package's scenarios in a process that can import only the serving dependencies.

`python -I -m sluice.package.isolated FOLDER` prints the findings as JSON. What the server does not
have cannot be imported here either, so a model that needs more fails immediately.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, PackageNotFoundError
from inspect import getmodulename
from pathlib import Path
from types import ModuleType


class Guard(MetaPathFinder):
    """Refuses the import of modules outside `allowed`; leaves the others to the next finder."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raises ImportError for a module that is not allowed; None lets the next finder look."""
        if name.partition(".")[0] not in self._allowed:
            raise ModuleNotFoundError(f"{name!r} is not a serving dependency", name=name)
        return None


def serving_modules() -> frozenset[str]:
    """Top-level modules of the standard library, of sluice, and of what sluice needs to serve."""
    modules = set(sys.stdlib_module_names) | {"sluice"}
    queue, seen = ["sluice"], set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = Distribution.from_name(name)
        except PackageNotFoundError:  # needed only on another platform or Python
            continue
        modules.update(_modules(found))
        queue += _requirements(found)
    return frozenset(modules)


def _modules(distribution: Distribution) -> Iterator[str]:
    """The top-level modules that a distribution has installed."""
    for file in distribution.files or ():
        first = file.parts[0]
        name = first if len(file.parts) > 1 else getmodulename(first)
        if name and name.isidentifier():  # skip folders of metadata and of programs
            yield name


def _requirements(distribution: Distribution) -> list[str]:
    """The names of a distribution's requirements, without those of its extras."""
    lines = distribution.requires or []
    return [_normal(re.split(r"[^\w.-]", line)[0]) for line in lines if "extra ==" not in line]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(folder: Path) -> None:
    """Print the findings; a SluiceError ends the process with its message and status 1."""
    sys.meta_path.insert(0, Guard(serving_modules()))
    import msgspec

    from sluice import scenario
    from sluice.errors import SluiceError
    from sluice.model import Model
    from sluice.package.parts import Parts

    parts = Parts(folder)
    try:
        findings = scenario.run(Model(parts.model), parts.scenarios)
    except SluiceError as error:
        sys.exit(str(error))
    sys.stdout.write(msgspec.json.encode(findings).decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
