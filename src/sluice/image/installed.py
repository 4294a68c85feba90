"""What is installed in a package's image: asked of the image itself, in a bound container."""

from __future__ import annotations

import msgspec

from sluice.errors import SluiceError
from sluice.image import engine

_DPKG = r"${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n"
_VENV = """
import json, platform, sys
from importlib.metadata import distributions
told = platform.freedesktop_os_release()
print(json.dumps({
    "python": "%d.%d.%d" % sys.version_info[:3],
    "system": told["ID"],
    "release": told.get("VERSION_ID", ""),
    "libraries": [(each.name, each.version) for each in distributions()],
}))
"""


class SystemPackage(msgspec.Struct, frozen=True, order=True):
    name: str
    version: str
    architecture: str


class _Venv(msgspec.Struct, frozen=True):
    python: str
    system: str
    release: str
    libraries: tuple[tuple[str, str], ...]


class Installed(msgspec.Struct, frozen=True):
    """`system` and `release` as in /etc/os-release: debian and 13; `libraries` are those of Python,
    each with its version."""

    system: str
    release: str
    python: str
    packages: tuple[SystemPackage, ...]
    libraries: tuple[tuple[str, str], ...]


def read(image: str) -> Installed:
    """Raises SluiceError for an image that cannot say what is in it."""
    said = engine.ask(image, "/venv/bin/python", "-I", "-c", _VENV)
    try:
        venv = msgspec.json.decode(said, type=_Venv)
    except msgspec.MsgspecError as error:
        raise SluiceError(f"{image}: its Python does not say what it has: {error}") from None
    return Installed(
        system=venv.system,
        release=venv.release,
        python=venv.python,
        packages=_packages(image),
        libraries=tuple(sorted(venv.libraries)),
    )


def _packages(image: str) -> tuple[SystemPackage, ...]:
    found = []
    for line in engine.ask(image, "dpkg-query", "--show", f"--showformat={_DPKG}").splitlines():
        status, *package = line.split("\t")
        if status == "installed":
            found.append(SystemPackage(*package))
    if not found:
        raise SluiceError(f"{image}: dpkg-query names no package; expected Debian or its kin")
    return tuple(sorted(found))
