"""Locked requirements (as pip reads them, with hashes) as plain data."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from sluice.errors import SluiceError


class Pin(msgspec.Struct, frozen=True):
    """One version of one library.

    The pin applies where `marker` is true (an empty marker is always true). pip accepts a file that
    has any of the hashes in `sha256`.
    """

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]


def pins(lock: str, where: str) -> Iterator[Pin]:
    """The pins in the text of a lock; `where` names the lock in messages.

    Raises SluiceError for a line that does not name exactly one version.
    """
    for line in lock.replace("\\\n", " ").splitlines():
        text, *hashes = (part.strip() for part in line.split("--hash="))
        if not text or text.startswith("#"):
            continue
        yield _pin(text, hashes, where)


def _pin(text: str, hashes: list[str], where: str) -> Pin:
    wrong = SluiceError(f"{where}: {text!r} does not pin one version: expected NAME==VERSION")
    try:
        requirement = Requirement(text)
        (version,) = requirement.specifier
    except (InvalidRequirement, ValueError):
        raise wrong from None
    if version.operator != "==" or version.version.endswith("*"):
        raise wrong
    sha256 = tuple(each.removeprefix("sha256:") for each in hashes if each.startswith("sha256:"))
    return Pin(requirement.name, version.version, str(requirement.marker or ""), sha256)
