"""`delivery.json`: the record that names everything in a delivery by its digest.

The record names every file by its sha256 and the image by its digest. The sha256 of the record
therefore identifies the entire delivery, and is attested, approved and released.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json

NAME = "delivery.json"

VERSION = re.compile(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of delivery.json. package: the name of the package file. image:
    `REGISTRY/NAME@sha256:…`. files: sha256 by name.
    """

    name: str
    version: str
    commit: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}\Z")]
    package: str
    image: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}\Z")]
    files: dict[str, Sha256]

    @property
    def tag(self) -> str:
        return tag_of(self.version)

    @property
    def title(self) -> str:
        """Name and version, as messages name a delivery."""
        return f"{self.name} {self.version}"


def tag_of(version: str) -> str:
    """The git tag of a version, which may be given as the tag itself.

    Raises SluiceError for text that is not a version.
    """
    tag = f"v{version.removeprefix('v')}"
    if not is_tag(tag):
        raise SluiceError(
            f"{version!r} is not a version: expected one such as 2026.11.23-0123456789ab, as in "
            "the name of the pre-release"
        )
    return tag


def is_tag(name: str) -> bool:
    """Whether a tag is the tag of a version."""
    return name.startswith("v") and VERSION.fullmatch(name[1:]) is not None


def is_file_name(name: str) -> bool:
    """Whether a delivery may contain a file of this name."""
    return _FILE.fullmatch(name) is not None


def encode(delivery: Delivery) -> bytes:
    """The bytes of delivery.json, whose sha256 identifies the delivery."""
    return files.encode_record(delivery)


def decode(content: bytes, where: str) -> Delivery:
    """Raises SluiceError, whose message begins with `where`, for anything but a valid record."""
    try:
        made = decode_json(content, Delivery)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{where} is not a valid record of a delivery: {error}") from None
    if not VERSION.fullmatch(made.version):
        raise SluiceError(f"{where} names {made.version!r}, which is not a version")
    for name in made.files:
        if not is_file_name(name) or name == NAME:
            raise SluiceError(f"{where}: {name!r} is not a valid file name in a delivery")
    if made.package not in made.files:
        raise SluiceError(f"{where} does not list its own package {made.package!r}")
    return made
