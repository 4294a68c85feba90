"""The record of an image: its content without the time of its build.

All builds of the same image, on any machine, have the same record.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.image import labels

# The settings of a container of the image. An engine's other settings differ between builds.
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


class ImageRecord(msgspec.Struct, frozen=True):
    """What an image is.

    `package` and `base` are digests (`sha256:…`), `platform` is such as `linux/amd64`. `layers` are
    the digests of the uncompressed layers from the bottom up. `runtime` has the engine's settings
    for running a container of it.
    """

    package: str
    base: str
    platform: str
    layers: tuple[str, ...]
    runtime: dict[str, Any]


def read(image: str) -> ImageRecord:
    """Raises SluiceError for an image that the engine does not have, or that has no package."""
    found = labels.require_package_image(image)
    return ImageRecord(
        package=found.labels[labels.PACKAGE_DIGEST],
        base=found.labels.get(labels.BASE_DIGEST, ""),
        platform=f"{found.os}/{found.architecture}",
        layers=found.layers,
        runtime={name: found.config[name] for name in _RUNTIME if found.config.get(name)},
    )


def encode(record: ImageRecord) -> bytes:
    """The record as indented JSON with sorted keys."""
    content = msgspec.json.encode(record, order="sorted")
    return msgspec.json.format(content, indent=2) + b"\n"
