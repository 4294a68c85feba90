"""Compare the evidence of a delivery with its sources.

Pages and bills of materials are generated again and must be identical. This check is only possible
when the delivery is assembled, with the version of the code that made them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from sluice.delivery import contents
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.package import bom, code
from sluice.package.archive import Package
from sluice.package.manifest import Manifest
from sluice.report import html, markdown
from sluice.report import record as reports
from sluice.staging import load, page, results


class _Property(msgspec.Struct):
    name: str
    value: str


class _Subject(msgspec.Struct):
    type: str
    name: str
    version: str
    properties: list[_Property]


class _Metadata(msgspec.Struct):
    component: _Subject


class _Bill(msgspec.Struct, rename="camel"):
    """The fields of a CycloneDX document that identify what it describes."""

    bom_format: Literal["CycloneDX"]
    metadata: _Metadata
    components: Annotated[list[Any], msgspec.Meta(min_length=1)]


def require_reproducible(folder: Path, package: str, unpacked: Package) -> None:
    """Raise SluiceError for evidence that is empty, was changed, or describes something else.

    The page with plots comes last, because it takes longest.
    """
    if unpacked.manifest.sluice != code.own():
        raise SluiceError(
            f"{package} was built by another version of sluice than the one that is running: build "
            "it again, and assemble the delivery with the same commit"
        )
    report, tested = reports.read(folder / contents.REPORT_JSON), results.read(folder)
    _require_same(folder / contents.REPORT_MARKDOWN, markdown.render(report).encode())
    _require_same(folder / results.PAGE, page.render(tested).encode())
    measured = tested.measurements
    bounds = unpacked.settings.load
    if measured is None or tested.load != load.verdict(measured.candidate, bounds):
        raise SluiceError(
            f"{results.LOAD}.json is not the verdict on the numbers in {results.MEASURED} by the "
            "bounds of the package; run 'sluice staging test' again"
        )
    _require_image_bill(folder / contents.IMAGE_BILL, unpacked.manifest)
    _require_same(folder / contents.PACKAGE_BILL, bom.encoded(unpacked, folder / package))
    _require_same(folder / contents.REPORT_HTML, html.render(report).encode())


def _require_same(path: Path, made: bytes) -> None:
    if path.read_bytes() != made:
        raise SluiceError(
            f"{path.name} differs from the one made from the other files: it was changed, or made "
            "by another version of the code; build it again"
        )


def _require_image_bill(path: Path, manifest: Manifest) -> None:
    try:
        subject = decode_json(path.read_bytes(), _Bill).metadata.component
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(
            f"{path.name} is not a bill of materials: {error}; make it again with "
            "'sluice package bom'"
        ) from None
    digest = _Property("sluice:package:digest", f"sha256:{manifest.digest}")
    described = (subject.type, subject.name, subject.version)
    if (
        described != ("container", manifest.name, manifest.version)
        or digest not in subject.properties
    ):
        raise SluiceError(
            f"{path.name} does not describe an image of {manifest.name} {manifest.version}; make "
            "it again with 'sluice package bom --image'"
        )
