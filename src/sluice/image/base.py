"""The base image of a package's image: its name, its digest, and its Python version."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from sluice.errors import SluiceError
from sluice.image import engine

FILE = Path("image/base/Dockerfile")
_OLDEST_PYTHON = (3, 11)

_LINE = re.compile(r"FROM (\S+@sha256:[0-9a-f]{64})\n")
_PRINT_VERSION = "import sys; print(*sys.version_info[:3], sep='.')"


class Base(msgspec.Struct, frozen=True):
    """A base image.

    `digest` identifies its content: the digest in a registry, or the id of an image that was built
    on this machine. `python` is its Python version, such as `3.13.5`.
    """

    name: str
    digest: str
    python: str


def choose(name: str | None) -> Base:
    """The base image of that name, or without a name the one in `image/base/Dockerfile`; pulled if
    necessary.

    Raises SluiceError if it is unavailable, is not pinned, or has no Python 3.11 or newer.
    """
    engine.require_engine()
    name = name or pinned()
    digest = _digest(name)
    return Base(name, digest, _python(name))


def pinned() -> str:
    """The name in `image/base/Dockerfile`, a file that Dependabot keeps up to date."""
    if not FILE.is_file():
        raise SluiceError(
            f"{FILE} is missing: run this in the project's folder, or name a base image with --base"
        )
    line = _LINE.fullmatch(FILE.read_text("utf-8"))
    if not line:
        raise SluiceError(f"{FILE}: expected exactly one line: FROM IMAGE@sha256:DIGEST")
    return line[1]


def _digest(name: str) -> str:
    """Raises SluiceError for a tag in a registry, because it can be moved to another image."""
    image = engine.find(name)
    if "@sha256:" in name:
        if image is None:
            _pull(name)
        return name.partition("@")[2]
    if image is None:
        raise SluiceError(
            f"--base {name}: the container engine has no such image; name one as "
            "IMAGE@sha256:DIGEST, which is then pulled, or build one with 'make engine'"
        )
    if image.repo_digests and not name.startswith("sha256:"):
        raise SluiceError(
            f"--base {name}: a registry can move a tag to another image; "
            f"use --base {image.repo_digests[0]}"
        )
    return image.id


def _pull(name: str) -> None:
    reason = engine.pull(name)
    if reason:
        raise SluiceError(
            f"--base {name}: is not on this machine and could not be pulled: {reason}; on Debian "
            "and Ubuntu, 'make engine' builds a base image without a registry"
        )


def _python(name: str) -> str:
    version = engine.output(name, "python3", "-I", "-c", _PRINT_VERSION).strip()
    if tuple(map(int, version.split(".")[:2])) < _OLDEST_PYTHON:
        raise SluiceError(f"--base {name}: has Python {version}, expected 3.11 or newer")
    return version
