"""Compare what Python could import with what the locks installed, before a locked build.

Every file in a library's RECORD must have the recorded digest, and there may be no other file among
the libraries: Python runs the lines of a `.pth` file at every start, and prefers a compiled module
to its source. Python's standard library is not checked. Only files on disk are compared, so code
that is already running cannot be detected.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from sluice.errors import SluiceError
from sluice.package import lock

_PACKAGES = ("sluice", "usecase")
# These libraries install the others, and are not in the locks.
_INSTALLERS = {"pip", "setuptools", "wheel", "uv"}
_AT_EVERY_START = {"sitecustomize", "usercustomize"}
_MODULES = {".py", ".pyc", ".so", ".pyd", ".pth"}
_ANEW = "recreate the environment: delete .venv and run 'make package'"


def require_unshadowed(root: Path) -> None:
    """Raise SluiceError if a module in the project's folder or in src would hide a library."""
    libraries = set(sys.stdlib_module_names) | _AT_EVERY_START
    for folder in _library_folders():
        libraries |= {path.name.partition(".")[0] for path in folder.iterdir()}
    for folder in (root, root / "src"):
        for path in sorted(folder.iterdir()):
            name = path.name.partition(".")[0]
            module = path.suffix in _MODULES or (path / "__init__.py").is_file()
            if module and name in libraries - set(_PACKAGES):
                raise SluiceError(
                    f"{path.relative_to(root)} has the name of a library, so Python could import "
                    "it instead: rename it"
                )


def require_locked(root: Path) -> None:
    """Raise SluiceError unless the libraries are exactly as the locks installed them.

    src may contain only the two packages.
    """
    _require_two_packages(root / "src", "src")
    if site.ENABLE_USER_SITE and Path(site.getusersitepackages()).is_dir():
        raise SluiceError(
            f"{site.getusersitepackages()} is on the module path: run this in the environment "
            "that 'make package' creates"
        )
    pins = _pins(root)
    listed: dict[str, str] = {}
    real_path = cache(os.path.realpath)  # cached, because many thousand files share a few folders
    for distribution in _installed():
        _require_pinned(distribution, pins)
        listed |= _records(distribution, real_path)
    _require_digests(listed)
    for folder in _library_folders():
        _require_no_other_files(folder, listed)


def _library_folders() -> list[Path]:
    found = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    return sorted(path for path in found if path.is_dir())


def _installed() -> Iterator[Distribution]:
    return iter(distributions(path=[str(folder) for folder in _library_folders()]))


def _pins(root: Path) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for path in sorted((root / "requirements").glob("*.txt")):
        for pin in lock.pins(path.read_text("utf-8"), f"requirements/{path.name}"):
            pins.setdefault(canonicalize_name(pin.name), set()).add(pin.version)
    return pins


def _require_pinned(distribution: Distribution, pins: dict[str, set[str]]) -> None:
    name = canonicalize_name(distribution.metadata["Name"] or "")
    if name in _INSTALLERS:
        return
    if name == "sluice":
        _require_own_path(distribution)
    elif distribution.version not in pins.get(name, ()):
        raise SluiceError(
            f"{name} {distribution.version} is installed, but no lock in requirements/ names it: "
            f"{_ANEW}"
        )


def _require_own_path(distribution: Distribution) -> None:
    """Check the `.pth` file that installs the project: it may only name a folder of the two
    packages.
    """
    for file in distribution.files or ():
        if file.suffix == ".pth":
            path = Path(str(distribution.locate_file(file)))
            for folder in map(Path, path.read_text("utf-8").splitlines()):
                if not folder.is_absolute() or not folder.is_dir():
                    raise SluiceError(f"{path} does not name the src folder of a project: {_ANEW}")
                _require_two_packages(folder, str(folder))


def _require_two_packages(folder: Path, shown: str) -> None:
    for path in sorted(folder.iterdir()):
        if path.name not in (*_PACKAGES, "__pycache__"):
            raise SluiceError(
                f"{shown}/{path.name} is not part of the two packages sluice and usecase: remove it"
            )


def _records(distribution: Distribution, real_path: Callable[[str], str]) -> dict[str, str]:
    """The digest of each file of a library, by its path; empty if its RECORD has none."""
    text = distribution.read_text("RECORD")
    if text is None:
        name = distribution.metadata["Name"]
        raise SluiceError(f"{name} has no RECORD of its files, so they cannot be checked: {_ANEW}")
    root = str(distribution.locate_file(""))
    found = {}
    for row in csv.reader(text.splitlines()):
        folder, name = os.path.split(os.path.join(root, row[0]))
        found[os.path.join(real_path(folder), name)] = row[1] if len(row) > 1 else ""
    return found


def _require_digests(listed: dict[str, str]) -> None:
    with ThreadPoolExecutor() as pool:  # hashing releases the lock of the interpreter
        for problem in pool.map(_problem, listed, listed.values()):
            if problem:
                raise SluiceError(f"{problem}: {_ANEW}")


def _problem(path: str, digest: str) -> str | None:
    algorithm, _, expected = digest.partition("=")
    if algorithm != "sha256":
        return None
    try:
        with open(path, "rb") as stream:
            found = hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return f"{path} is missing, although a library's RECORD lists it"
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != expected:
        return f"{path} was changed after it was installed"
    return None


def _require_no_other_files(folder: Path, listed: dict[str, str]) -> None:
    for parent, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if name != "__pycache__"]
        linked = [name for name in inner if os.path.islink(os.path.join(parent, name))]
        modules = [name for name in names if os.path.splitext(name)[1] in _MODULES]
        for name in (*linked, *modules):
            path = os.path.join(parent, name)
            if path not in listed:
                raise SluiceError(f"{path} belongs to no library that a lock names: {_ANEW}")
