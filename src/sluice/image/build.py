"""A container image from a package and a folder of wheels; building it needs no network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.errors import SluiceError
from sluice.image import base, engine
from sluice.package import verify
from sluice.package.archive import unpack
from sluice.package.manifest import Manifest

DOCKERFILE = Path("image/Dockerfile")
DIGEST = "org.sluice.package.digest"
BASE_DIGEST = "org.opencontainers.image.base.digest"

_NO_WHEEL = re.compile(r"No matching distribution found for (\S+)")
_OTHER_HASH = re.compile(r"THESE PACKAGES DO NOT MATCH THE HASHES")


def run(
    package: Path,
    on: str | None,
    wheels: Path,
    tag: str | None,
    say: Callable[[str], None],
    *,
    fresh: bool = False,
) -> tuple[str, Manifest]:
    """Build the image of a verified package; returns its tag and the package's manifest.

    `fresh` uses no layer of an earlier build.
    """
    _, verdict = verify.run(package)
    if not verdict.passes:
        raise SluiceError(f"{package}: no image: scenarios: {verdict.why}")
    ground = base.settle(on)
    with TemporaryDirectory(prefix="sluice-image-") as scratch:
        context = Path(scratch)
        manifest = lay_out(package, wheels, context)
        tag = tag or f"{manifest.name}:{manifest.version}"
        trouble = engine.build(
            context,
            tag=tag,
            base=ground.name,
            labels=labels(manifest, ground),
            fresh=fresh,
            say=say,
        )
    if trouble:
        raise SluiceError(f"no image: {_why(trouble, wheels, ground)}")
    return tag, manifest


def newest(folder: Path) -> Path:
    """The package that was written last."""
    packages = sorted(folder.glob("*.tar"), key=lambda path: path.stat().st_mtime)
    if not packages:
        raise SluiceError(f"no package in {folder}: run 'make package'")
    return packages[-1]


def lay_out(package: Path, wheels: Path, context: Path) -> Manifest:
    """All that the build may see: the Dockerfile, the unpacked package and the wheels."""
    if not DOCKERFILE.is_file():
        raise SluiceError(f"{DOCKERFILE} is missing: run this in the project's folder")
    found = sorted(wheels.glob("*.whl"))
    if not found:
        raise SluiceError(f"{wheels}: no wheels there; fetch them with 'make wheels'")
    shutil.copyfile(DOCKERFILE, context / "Dockerfile")
    for name in ("package", "wheels"):
        (context / name).mkdir()
    for wheel in found:
        shutil.copyfile(wheel, context / "wheels" / wheel.name)
    return unpack(package, context / "package")


def labels(manifest: Manifest, ground: base.Base) -> dict[str, str]:
    source, image = manifest.source, "org.opencontainers.image"
    return {
        f"{image}.title": manifest.name,
        f"{image}.version": manifest.version,
        f"{image}.revision": source.commit,
        f"{image}.created": f"{datetime.fromtimestamp(source.time, UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"{image}.base.name": ground.name,
        BASE_DIGEST: ground.digest,
        DIGEST: f"sha256:{manifest.digest}",
    }


def _why(said: list[str], wheels: Path, ground: base.Base) -> str:
    """The engine's many lines in one."""
    text = "\n".join(said)
    lacking = _NO_WHEEL.search(text)
    if lacking:
        return (
            f"{wheels} lacks a wheel of {lacking[1]} for the Python of {ground.name}; "
            f"fetch it with 'sluice package wheels --python {ground.python}'"
        )
    if _OTHER_HASH.search(text):
        return f"a wheel in {wheels} is not the one in the package's lock; pip says above which"
    errors = [line for line in said if "error" in line.lower()]
    return (errors or said)[0]
