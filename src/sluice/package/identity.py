"""What an image is, without when it was made: the same bytes wherever the same image is built."""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.errors import SluiceError
from sluice.image import engine
from sluice.image.build import BASE_DIGEST, DIGEST

# How a container of it runs. What else an engine notes down differs from one build to the next.
_RUNTIME = (
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Labels",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)


class Identity(msgspec.Struct, frozen=True):
    """`layers` are the digests of their uncompressed contents, from the bottom up."""

    package: str
    base: str
    platform: str
    layers: tuple[str, ...]
    runtime: dict[str, Any]


def identify(image: str) -> Identity:
    """Raises SluiceError for an image that is not on the engine, or holds no package."""
    found = inspected(image)
    config = found["Config"]
    return Identity(
        package=config["Labels"][DIGEST],
        base=config["Labels"].get(BASE_DIGEST, ""),
        platform=f"{found['Os']}/{found['Architecture']}",
        layers=tuple(found["RootFS"]["Layers"]),
        runtime={name: config[name] for name in _RUNTIME if config.get(name)},
    )


def inspected(image: str) -> dict[str, Any]:
    """What the engine knows of a package's image."""
    found = engine.inspect(image)
    if found is None:
        raise SluiceError(f"{image}: this engine has no such image; 'make image' builds one")
    if DIGEST not in (found["Config"].get("Labels") or {}):
        raise SluiceError(f"{image}: not the image of a package: the label {DIGEST} is missing")
    return found


def encode(identity: Identity) -> bytes:
    content = msgspec.json.encode(identity, order="sorted")
    return msgspec.json.format(content, indent=2) + b"\n"
