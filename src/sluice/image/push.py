"""An image into a registry, and the reference that names its bytes there."""

from __future__ import annotations

import re

from sluice.errors import SluiceError
from sluice.image import engine
from sluice.package.identity import inspected

VERSION = "org.opencontainers.image.version"

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# As docker tells a registry from a folder of its own: by a dot, a port, or this one name.
_HOST = rf"(?:localhost|{_LABEL}(?:\.{_LABEL})+|{_LABEL}(?=:))(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_HOST}(?:/{_PART})+")


def run(image: str, name: str) -> str:
    """Push under the package's version; returns `REGISTRY/NAME@sha256:…`."""
    name = plain(name)
    engine.require_engine()
    found = inspected(image)
    tagged = f"{name}:{found['Config']['Labels'][VERSION]}"
    # By its id from here on: what a tag means may change under way.
    engine.tag(found["Id"], tagged)
    engine.push(tagged)
    return _by_digest(found["Id"], name)


def plain(name: str) -> str:
    """The name as registries spell it: GitHub's owners may have capitals, theirs may not."""
    lower = name.lower()
    if not _NAME.fullmatch(lower):
        raise SluiceError(
            f"{name!r} is not a place in a registry: expected REGISTRY/NAME with no tag, "
            "such as ghcr.io/owner/name or 127.0.0.1:5000/name"
        )
    return lower


def _by_digest(image: str, name: str) -> str:
    known = [each for each in inspected(image)["RepoDigests"] if each.startswith(f"{name}@")]
    if len(known) != 1:
        raise SluiceError(
            f"{image}: this engine knows {len(known)} digests of it in {name}, expected one; "
            "remove the image with 'docker image rm', build it again, and push that"
        )
    return str(known[0])
