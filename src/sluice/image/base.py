"""The image that a package's image stands on: which one, its digest, its Python."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from sluice.errors import SluiceError
from sluice.image import engine

FILE = Path("image/base/Dockerfile")
OLDEST = (3, 11)

_LINE = re.compile(r"FROM (\S+@sha256:[0-9a-f]{64})\n")
_ASK = "import sys; print(*sys.version_info[:3], sep='.')"


class Base(msgspec.Struct, frozen=True):
    """`digest` stands for its bytes: a registry's, or the id that this engine gave."""

    name: str
    digest: str
    python: str


def settle(name: str | None) -> Base:
    """The base of that name, or the one that `image/base/Dockerfile` pins; pulled if need be."""
    engine.require_engine()
    name = name or pinned()
    digest = _digest(name)
    return Base(name, digest, _python(name))


def pinned() -> str:
    """What the file says, which Dependabot keeps current."""
    if not FILE.is_file():
        raise SluiceError(f"{FILE} is missing: run this in the project's folder, or say --base")
    line = _LINE.fullmatch(FILE.read_text("utf-8"))
    if not line:
        raise SluiceError(f"{FILE}: expected the one line FROM IMAGE@sha256:DIGEST")
    return line[1]


def _digest(name: str) -> str:
    """Raises SluiceError for a name that may come to mean another image: a registry's tag."""
    image = engine.inspect(name)
    if "@sha256:" in name:
        if image is None:
            _pull(name)
        return name.partition("@")[2]
    if image is None:
        raise SluiceError(
            f"--base {name}: this engine has no such image; name one by its digest, "
            "which is pulled, or make one with 'make engine'"
        )
    if image["RepoDigests"] and not name.startswith("sha256:"):
        raise SluiceError(f"--base {name}: a tag can move; say --base {image['RepoDigests'][0]}")
    return str(image["Id"])


def _pull(name: str) -> None:
    trouble = engine.pull(name)
    if trouble:
        raise SluiceError(
            f"--base {name}: not on this engine, and not to be pulled: {trouble}; "
            "'make engine' makes another base on Debian"
        )


def _python(name: str) -> str:
    version = engine.ask(name, "python3", "-I", "-c", _ASK).strip()
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise SluiceError(f"--base {name}: has Python {version}, expected 3.11 or newer")
    return version
