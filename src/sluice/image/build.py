"""Build a container image from a package and a folder of wheels; the build needs no network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.errors import SluiceError
from sluice.image import base, engine
from sluice.image.base import Base
from sluice.image.labels import labels
from sluice.package.manifest import Manifest
from sluice.package.verify import verified

DOCKERFILE = Path("image/Dockerfile")

_NO_WHEEL = re.compile(r"No matching distribution found for (\S+)")
_OTHER_HASH = re.compile(r"THESE PACKAGES DO NOT MATCH THE HASHES")


def run(
    file: Path,
    base_name: str | None,
    wheels: Path,
    tag: str | None,
    say: Callable[[str], None],
    *,
    fresh: bool = False,
) -> tuple[str, Manifest]:
    """Verify a package file and build its image; returns the image's tag and the manifest.

    The tag is NAME:VERSION of the package unless another one is given. `say` gets the output of
    the build, line by line. `fresh` uses no layer of an earlier build.
    """
    with TemporaryDirectory(prefix="sluice-image-") as scratch:
        context = Path(scratch)
        with verified(file) as package:
            manifest = package.manifest
            chosen = base.choose(base_name)
            _lay_out(package.folder, wheels, context)
        tag = tag or f"{manifest.name}:{manifest.version}"
        output = engine.build(
            context,
            tag=tag,
            base=chosen.name,
            labels=labels(manifest, chosen),
            fresh=fresh,
            say=say,
        )
    if output:
        raise SluiceError(f"the image was not built: {_reason(output, wheels, chosen)}")
    return tag, manifest


def _lay_out(package: Path, wheels: Path, context: Path) -> None:
    """Copy the build context: the Dockerfile, the unpacked package and the wheels."""
    if not DOCKERFILE.is_file():
        raise SluiceError(f"{DOCKERFILE} is missing: run this in the project's folder")
    found = sorted(wheels.glob("*.whl"))
    if not found:
        raise SluiceError(f"{wheels}: there are no wheels; download them with 'make wheels'")
    shutil.copyfile(DOCKERFILE, context / "Dockerfile")
    shutil.copytree(package, context / "package")
    (context / "wheels").mkdir()
    for wheel in found:
        shutil.copyfile(wheel, context / "wheels" / wheel.name)


def _reason(output: list[str], wheels: Path, chosen: Base) -> str:
    """Why the build failed, as one line."""
    text = "\n".join(output)
    missing = _NO_WHEEL.search(text)
    if missing:
        return (
            f"{wheels} has no wheel of {missing[1]} for the Python of {chosen.name}; "
            f"download it with 'sluice package wheels --python {chosen.python}'"
        )
    if _OTHER_HASH.search(text):
        return (
            f"a wheel in {wheels} differs from the one in the package's lock, as pip says above; "
            "delete it and run 'make wheels'"
        )
    errors = [line for line in output if "error" in line.lower()]
    return (errors or output)[0]
