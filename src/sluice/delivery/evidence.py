"""What speaks for a delivery, held against what it was made from.

This is for where a delivery is put together, by the code that made its parts: another version of
it may find other words for the same facts.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import msgspec

from sluice import config
from sluice.errors import SluiceError
from sluice.package import bom
from sluice.package.archive import opened
from sluice.package.manifest import Manifest
from sluice.report import html, markdown, record
from sluice.staging import load, results
from sluice.staging.measured import Numbers
from sluice.verdict import Verdict


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
    bom_format: Literal["CycloneDX"]
    metadata: _Metadata
    components: Annotated[list[Any], msgspec.Meta(min_length=1)]


def require(folder: Path, package: str, manifest: Manifest) -> None:
    """Raise SluiceError for evidence that is empty, of something else, or changed on its way."""
    report, tested = record.read(folder / "report.json"), results.read(folder)
    _hold(folder / "report.md", markdown.render(report).encode())
    _hold(folder / "report.html", html.render(report).encode())
    _hold(folder / "staging.md", results.markdown(tested).encode())
    _hold(folder / "package.cdx.json", _bill(folder / package))
    measured = tested.measurements
    if measured is None or tested.load != _load(folder / package, measured.candidate):
        raise SluiceError("load.json does not say what measured.json has measured")
    _require_image(folder / "image.cdx.json", manifest)


def _hold(path: Path, made: bytes) -> None:
    if path.read_bytes() != made:
        raise SluiceError(
            f"{path.name} is not what comes of the other evidence: it was changed, or made "
            "elsewhere; build it again"
        )


def _bill(package: Path) -> bytes:
    with TemporaryDirectory(prefix="sluice-") as scratch:
        target = Path(scratch) / "bill.json"
        bom.run(package, None, target)
        return target.read_bytes()


def _load(package: Path, found: Numbers) -> Verdict:
    """What the load gate says to these numbers, by the package's own bounds."""
    with opened(package) as unpacked:
        settings = config.load(unpacked.folder / "configuration" / "params.yaml")
    return load.verdict(found, settings.load)


def _require_image(path: Path, manifest: Manifest) -> None:
    try:
        subject = msgspec.json.decode(path.read_bytes(), type=_Bill).metadata.component
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path.name} is no bill of materials: {error}") from None
    digest = _Property("sluice:package:digest", f"sha256:{manifest.digest}")
    said = (subject.type, subject.name, subject.version)
    if said != ("container", manifest.name, manifest.version) or digest not in subject.properties:
        raise SluiceError(f"{path.name} is not of an image of {manifest.name} {manifest.version}")
