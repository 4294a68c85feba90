"""What is installed in a package's image, as listed by programs in the image."""

from __future__ import annotations

import msgspec
from packaging.utils import canonicalize_name

from sluice.errors import SluiceError
from sluice.image import engine

_DPKG_FORMAT = r"${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n"
_LIST_LIBRARIES = """
import json, platform, sys
from importlib.metadata import distributions
system = platform.freedesktop_os_release()
print(json.dumps({
    "python": "%d.%d.%d" % sys.version_info[:3],
    "system": system["ID"],
    "release": system.get("VERSION_ID", ""),
    "libraries": [(each.name, each.version) for each in distributions()],
}))
"""


class SystemPackage(msgspec.Struct, frozen=True, order=True):
    """An installed Debian package."""

    name: str
    version: str
    architecture: str


class _Environment(msgspec.Struct, frozen=True):
    python: str
    system: str
    release: str
    libraries: tuple[tuple[str, str], ...]


class Installed(msgspec.Struct, frozen=True):
    """What is installed in an image.

    `system` and `release` are ID and VERSION_ID of /etc/os-release, such as debian and 13.
    `libraries` are the normalised name and the version of each Python library. Both lists are
    sorted.
    """

    system: str
    release: str
    python: str
    packages: tuple[SystemPackage, ...]
    libraries: tuple[tuple[str, str], ...]


def read(image: str) -> Installed:
    """Raises SluiceError for an image without Python in /venv, or without Debian's dpkg."""
    output = engine.output(image, "/venv/bin/python", "-I", "-c", _LIST_LIBRARIES)
    try:
        environment = msgspec.json.decode(output, type=_Environment)
    except msgspec.MsgspecError as error:
        raise SluiceError(
            f"{image}: its Python did not list the installed libraries: {error}"
        ) from None
    return Installed(
        system=environment.system,
        release=environment.release,
        python=environment.python,
        packages=_packages(image),
        libraries=tuple(sorted((canonicalize_name(n), v) for n, v in environment.libraries)),
    )


def _packages(image: str) -> tuple[SystemPackage, ...]:
    found = []
    output = engine.output(image, "dpkg-query", "--show", f"--showformat={_DPKG_FORMAT}")
    for line in output.splitlines():
        status, *package = line.split("\t")
        if status == "installed":
            found.append(SystemPackage(*package))
    if not found:
        raise SluiceError(
            f"{image}: dpkg-query lists no package; the base image must be Debian or a derivative"
        )
    return tuple(sorted(found))
