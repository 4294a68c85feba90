"""What a delivery must contain, and which contents allow its release."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sluice import files
from sluice.delivery.record import NAME, Delivery, decode
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.gates import GATES
from sluice.image.record import ImageRecord
from sluice.package.archive import Package
from sluice.package.manifest import Manifest
from sluice.package.verify import verified, was_confined
from sluice.report import record as reports
from sluice.report.record import Report
from sluice.staging import results
from sluice.verdict import Status

REPORT_JSON, REPORT_MARKDOWN, REPORT_HTML = "report.json", "report.md", "report.html"
PACKAGE_BILL, IMAGE_BILL, IMAGE = "package.cdx.json", "image.cdx.json", "image.json"
REQUIRED = (
    *(REPORT_JSON, REPORT_MARKDOWN, REPORT_HTML),
    *results.FILES,
    *(PACKAGE_BILL, IMAGE_BILL, IMAGE),
)
_CHAMPION_GATE = "champion"
_REBUILD = "run the workflow Deliver again for this commit"


def read(folder: Path) -> Delivery:
    """Read the delivery in a folder, and check all of it.

    Raises SluiceError unless exactly the files of delivery.json are present, unchanged, and allow
    the release.
    """
    path = folder / NAME
    if not path.is_file():
        raise SluiceError(f"{path} is missing; run 'sluice delivery assemble'")
    delivery = decode(path.read_bytes(), NAME)
    _require_files(folder, delivery)
    with releasable(folder, delivery.package) as package:
        manifest = package.manifest
    packaged = (manifest.name, manifest.version, manifest.source.commit)
    if packaged != (delivery.name, delivery.version, delivery.commit):
        raise SluiceError(
            f"{NAME} names {delivery.title} of the commit {delivery.commit}, but the manifest of "
            f"{delivery.package} does not; run 'sluice delivery assemble' again"
        )
    return delivery


def _require_files(folder: Path, delivery: Delivery) -> None:
    there = {path.name for path in folder.iterdir()} - {NAME}
    for name in sorted(there - set(delivery.files)):
        raise SluiceError(f"{name} is not listed in {NAME}: it was added after the assembly")
    for name, digest in delivery.files.items():
        if name not in there:
            raise SluiceError(f"{name} is missing, although {NAME} lists it")
        if files.sha256_of_file(folder / name) != digest:
            raise SluiceError(f"{name} was changed: its sha256 is not the one in {NAME}")


@contextmanager
def releasable(folder: Path, package: str) -> Iterator[Package]:
    """Check the package in `folder` and its evidence, and unpack it temporarily.

    Raises SluiceError if a file is missing, describes another package, or forbids a release.
    """
    for name in (package, *REQUIRED):
        if not (folder / name).is_file():
            raise SluiceError(f"{name} is missing, and every delivery needs it; {_REBUILD}")
    with verified(folder / package) as unpacked:
        _require_own(unpacked, package)
        _require_report(reports.read(folder / REPORT_JSON), unpacked.report, package)
        _require_tested(folder, unpacked.manifest)
        if image_record(folder).package != f"sha256:{unpacked.manifest.digest}":
            raise SluiceError(
                f"{IMAGE} is the record of an image of another package than {package}"
            )
        yield unpacked


def _require_own(unpacked: Package, package: str) -> None:
    """Raise SluiceError unless the package was built from an unchanged commit, with the use case's
    code confined.
    """
    if not unpacked.manifest.source.clean:
        raise SluiceError(
            f"{package} was built with changes that are not in its commit; commit them and build "
            "it again"
        )
    if not was_confined(unpacked):
        raise SluiceError(
            f"{package} was built with --unconfined, so the code in src/usecase could have changed "
            "every verdict in it: build it again on a machine that can confine that code"
        )


def _require_report(report: Report, packaged: Report, package: str) -> None:
    if not report.releasable:
        raise SluiceError(f"the report says that it must not be released: {report.reason}")
    for gate in (*GATES, _CHAMPION_GATE):
        if report.gate(gate) is None:
            raise SluiceError(
                f"{REPORT_JSON} has no verdict of the gate {gate}, so it did not run; {_REBUILD}"
            )
    # The package was built before the champion gate ran, so its own report lacks that verdict.
    if [gate for gate in report.gates if gate.gate in GATES] != list(packaged.gates):
        raise SluiceError(
            f"{REPORT_JSON} is the report of another package than {package}: the verdicts "
            "of their gates differ"
        )


def _require_tested(folder: Path, manifest: Manifest) -> None:
    tested = results.read(folder)
    if not tested.passes:
        against = [v for v in tested.verdicts if v.status is not Status.PASS]
        why = "; ".join(f"{v.gate}: {v.why}" for v in against)
        raise SluiceError(
            f"the package did not pass in the test environment: {why or 'nothing was measured'}"
        )
    measured = tested.measurements.candidate if tested.measurements else None
    if measured is None or measured.digest.removeprefix("sha256:") != manifest.digest:
        raise SluiceError(
            f"{results.MEASURED} is of another package than {manifest.name} {manifest.version}"
        )
    if not measured.runs_as.startswith("sha256:"):
        raise SluiceError(
            "the test environment ran a process instead of the image; run 'sluice staging test' "
            "with --image"
        )


def image_record(folder: Path) -> ImageRecord:
    """The record of the image in a delivery; raises SluiceError if it is not valid."""
    record = folder / IMAGE
    try:
        return decode_json(record.read_bytes(), ImageRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(
            f"{record.name} is not the record of an image: {error}; {_REBUILD}"
        ) from None
