"""The software bill of materials of a package, in CycloneDX format.

The same package gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.output.json import JsonV1Dot6

from sluice import files
from sluice.package import components
from sluice.package.archive import Package, unpacked
from sluice.package.manifest import Manifest


def run(archive: Path, target: Path) -> Manifest:
    """Write the bill of materials of a package file; returns the package's manifest.

    Raises SluiceError for an altered package.
    """
    return write(archive, target, _bill)


def write(archive: Path, target: Path, bill: Callable[[Package, str], Bom]) -> Manifest:
    """Write the result of `bill` for the unpacked package and the SHA-256 of its archive."""
    with unpacked(archive) as package:
        files.write(target, _encode(bill(package, files.sha256_of_file(archive))))
    return package.manifest


def encoded(package: Package, archive: Path) -> bytes:
    """What `run` writes for this package file, which is already unpacked."""
    return _encode(_bill(package, files.sha256_of_file(archive)))


def _encode(bill: Bom) -> bytes:
    return JsonV1Dot6(bill).output_as_string(indent=2).encode() + b"\n"


def _bill(package: Package, archive_sha256: str) -> Bom:
    subject = components.of_package(package, archive_sha256)
    contained = [components.of_model(package), *components.of_locks(package)]
    bill = components.document(package.manifest, subject, package.manifest.digest)
    bill.components.update(contained)
    bill.register_dependency(subject, contained)
    return bill
