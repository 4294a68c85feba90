"""Push an image to a registry, and return its name by digest."""

from __future__ import annotations

import re

from sluice.errors import SluiceError
from sluice.image import engine
from sluice.image.labels import VERSION, require_package_image

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# Docker treats the first element as a registry if it has a dot or a port, or is localhost.
_HOST = rf"(?:localhost|{_LABEL}(?:\.{_LABEL})+|{_LABEL}(?=:))(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_HOST}(?:/{_PART})+")


def run(image: str, name: str) -> str:
    """Push an image under the package's version; returns `REGISTRY/NAME@sha256:…`.

    Raises SluiceError for an image without a package, and if the registry refuses.
    """
    name = normalized(name)
    engine.require_engine()
    found = require_package_image(image)
    tagged = f"{name}:{found.labels[VERSION]}"
    # By its id, because the tag could be moved to another image in the meantime.
    engine.tag(found.id, tagged)
    engine.push(tagged)
    return _by_digest(found.id, name)


def normalized(name: str) -> str:
    """A repository's name in lower case, as registries require it; raises SluiceError if invalid.

    Names of owners on GitHub may have capitals, which registries refuse.
    """
    lower = name.lower()
    if not _NAME.fullmatch(lower):
        raise SluiceError(
            f"{name!r} is not a repository in a registry: expected REGISTRY/NAME without a tag, "
            "such as ghcr.io/owner/name or 127.0.0.1:5000/name"
        )
    return lower


def _by_digest(image_id: str, name: str) -> str:
    pushed = require_package_image(image_id)
    known = [each for each in pushed.repo_digests or () if each.startswith(f"{name}@")]
    if len(known) != 1:
        raise SluiceError(
            f"{image_id}: the engine knows {len(known)} digests of this image in {name}, expected "
            "one; remove it with 'docker image rm', build it again, and push that"
        )
    return known[0]
