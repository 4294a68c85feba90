"""A package's locked requirements, as plain data."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from sluice.errors import SluiceError


class Pin(msgspec.Struct, frozen=True):
    """One version of one library, where its marker holds; any of the hashes will do."""

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]


def pins(lock: str, where: str) -> Iterator[Pin]:
    """Raises SluiceError for a line that does not name exactly one version."""
    for line in lock.replace("\\\n", " ").splitlines():
        text, *hashes = (part.strip() for part in line.split("--hash="))
        if not text or text.startswith("#"):
            continue
        try:
            requirement = Requirement(text)
            (version,) = requirement.specifier
        except (InvalidRequirement, ValueError):
            raise SluiceError(f"{where}: {text!r}: expected NAME==VERSION") from None
        if version.operator != "==" or version.version.endswith("*"):
            raise SluiceError(f"{where}: {text!r}: expected NAME==VERSION")
        marker = str(requirement.marker or "")
        kept = tuple(each.removeprefix("sha256:") for each in hashes if each.startswith("sha256:"))
        yield Pin(requirement.name, version.version, marker, kept)
