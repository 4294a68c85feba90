"""Whether a package's files match its dvc.lock, and its requirement locks agree.

dvc.lock has the MD5 of each file that a stage read or wrote. An attacker could also edit dvc.lock;
this check finds files of two different runs, or single files that were replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.gates import GATES
from sluice.package import lock, parts
from sluice.package.archive import Package

# The place in the package of each file that the stage `package` read in the project.
_READ = {
    "params.yaml": parts.PARAMS,
    "out/selection.json": parts.SELECTION,
    "requirements/serve.txt": parts.SERVE_LOCK,
    "requirements/batch.txt": parts.BATCH_LOCK,
    "requirements/build.txt": parts.BUILD_LOCK,
    "pyproject.toml": parts.PYPROJECT,
}


def require(package: Package) -> None:
    """Raise SluiceError, with the name of the file, if a file contradicts dvc.lock or another
    lock.
    """
    stages = _stages(package)
    for path, place in _READ.items():
        _require_same(package, place, _digests(stages, "package", "deps").get(path))
    for gate in GATES:
        written = _digests(stages, gate, "outs").get(f"out/verdicts/{gate}.json")
        _require_same(package, f"reports/verdicts/{gate}.json", written)
    _require_libraries(package)


def _stages(package: Package) -> Mapping[str, Any]:
    content = (package.folder / parts.DVC_LOCK).read_bytes()
    try:
        read = parse_yaml(content, parts.DVC_LOCK)
    except UnicodeDecodeError as error:
        raise SluiceError(f"{parts.DVC_LOCK} is not UTF-8 text: {error}") from None
    stages = read.get("stages") if isinstance(read, Mapping) else None
    if not isinstance(stages, Mapping):
        raise SluiceError(f"{parts.DVC_LOCK} names no stages")
    return stages


def _digests(stages: Mapping[str, Any], stage: str, kind: str) -> dict[str, str]:
    """The MD5 of what a stage read (`deps`) or wrote (`outs`), by its path."""
    found = stages.get(stage)
    listed = found.get(kind) if isinstance(found, Mapping) else None
    entries = [one for one in listed or () if isinstance(one, Mapping)]
    return {str(one.get("path")): str(one.get("md5")) for one in entries}


def _require_same(package: Package, place: str, digest: str | None) -> None:
    content = (package.folder / place).read_bytes()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != digest:
        raise SluiceError(f"{place} is not the file that {parts.DVC_LOCK} names: it was replaced")


def _require_libraries(package: Package) -> None:
    """The libraries that serve the model must be those that built it, with the same hashes."""
    built = set(_pins(package, parts.BUILD_LOCK))
    for path in (parts.SERVE_LOCK, parts.BATCH_LOCK):
        for name, version, digests in _pins(package, path):
            if (name, version, digests) not in built:
                raise SluiceError(
                    f"{path} requires {name} {version}, which {parts.BUILD_LOCK} does not have: "
                    "regenerate the locks with 'make lock'"
                )


def _pins(package: Package, path: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for pin in lock.pins((package.folder / path).read_text("utf-8"), path):
        yield pin.name.lower(), pin.version, pin.sha256
