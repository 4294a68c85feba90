"""The labels that name the package and the base that an image was built from."""

from __future__ import annotations

from datetime import UTC, datetime

from sluice.errors import SluiceError
from sluice.image import engine
from sluice.image.base import Base
from sluice.image.engine import Image
from sluice.package.manifest import Manifest

PACKAGE_DIGEST = "org.sluice.package.digest"
_OCI = "org.opencontainers.image"
VERSION = f"{_OCI}.version"
BASE_DIGEST = f"{_OCI}.base.digest"


def labels(manifest: Manifest, base: Base) -> dict[str, str]:
    """The labels of an image of that package on that base."""
    source = manifest.source
    return {
        f"{_OCI}.title": manifest.name,
        VERSION: manifest.version,
        f"{_OCI}.revision": source.commit,
        f"{_OCI}.created": f"{datetime.fromtimestamp(source.time, UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"{_OCI}.base.name": base.name,
        BASE_DIGEST: base.digest,
        PACKAGE_DIGEST: f"sha256:{manifest.digest}",
    }


def require_package_image(name: str) -> Image:
    """The image of that name; raises SluiceError if it is missing, or not built by sluice."""
    image = engine.find(name)
    if image is None:
        raise SluiceError(
            f"{name}: the container engine has no such image; build it with 'make image'"
        )
    if PACKAGE_DIGEST not in image.labels:
        raise SluiceError(
            f"{name}: is not the image of a package: it has no label {PACKAGE_DIGEST}; "
            "build one with 'make image'"
        )
    return image


def require_image_of(name: str, manifest: Manifest) -> Image:
    """The image of that name; raises SluiceError unless it was built from that package."""
    image = require_package_image(name)
    expected, found = f"sha256:{manifest.digest}", image.labels[PACKAGE_DIGEST]
    if found != expected:
        raise SluiceError(
            f"{name}: is not the image of {manifest.title}: its label "
            f"{PACKAGE_DIGEST} is {found}, expected {expected}"
        )
    return image
