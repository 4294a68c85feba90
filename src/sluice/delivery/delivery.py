"""A delivery: the package and everything that speaks for it, in one flat folder.

`delivery.json` names every file by its sha256, and the image by its digest; so one digest,
that of `delivery.json`, is what is attested, approved and released.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from sluice.champion import comparison
from sluice.errors import SluiceError
from sluice.gates import GATES
from sluice.package import verify
from sluice.package.archive import opened
from sluice.package.identity import Identity
from sluice.package.manifest import Manifest
from sluice.report import record
from sluice.staging import results
from sluice.verdict import Status, Verdict

NAME = "delivery.json"
PACKAGE_BILL, IMAGE_BILL, IMAGE = "package.cdx.json", "image.cdx.json", "image.json"
REPORT = ("report.json", "report.md", "report.html")
TESTED = ("test-scenarios.json", "load.json", "measured.json", "staging.md")
REQUIRED = (*REPORT, *TESTED, PACKAGE_BILL, IMAGE_BILL, IMAGE)

VERSION = re.compile(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """package: its file's name. image: `REGISTRY/NAME@sha256:…`. files: sha256 by name."""

    name: str
    version: str
    commit: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}\Z")]
    package: str
    image: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}\Z")]
    files: dict[str, Digest]

    @property
    def tag(self) -> str:
        return tag_of(self.version)

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


def tag_of(version: str) -> str:
    """The tag of a version; raises SluiceError for what is none."""
    tag = f"v{version.removeprefix('v')}"
    if not is_tag(tag):
        raise SluiceError(
            f"{version!r} is no version: expected one such as 2026.11.23-0123456789ab, "
            "as the pre-releases are named"
        )
    return tag


def is_tag(name: str) -> bool:
    return name.startswith("v") and VERSION.fullmatch(name[1:]) is not None


def assemble(package: Path, image: str, paths: Iterable[Path], folder: Path) -> Delivery:
    """Copy the package and all that lies in the paths into `folder`, and write `delivery.json`.

    Raises SluiceError for what must not be delivered; then nothing is left in `folder`.
    """
    # It needs libraries that releases do without.
    from sluice.delivery import evidence

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for path in [package, *_files(paths)]:
            _copy(path, folder)
        manifest = whole(folder, package.name)
        evidence.require(folder, package.name, manifest)
        files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        made = Delivery(
            manifest.name, manifest.version, manifest.source.commit, package.name, image, files
        )
        content = msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"
        decode(content, NAME)
        (folder / NAME).write_bytes(content)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def whole(folder: Path, package: str) -> Manifest:
    """Hold what lies in the folder against what a delivery must be; returns the manifest."""
    for name in (package, *REQUIRED):
        if not (folder / name).is_file():
            raise SluiceError(f"{name} is missing: a delivery holds it")
    manifest, verdict = verify.run(folder / package)
    if not verdict.passes:
        raise SluiceError(f"{package}: scenarios: {verdict.why}")
    if not manifest.source.clean:
        raise SluiceError(f"{package} was built with changes that are not in its commit")
    report = record.read(folder / "report.json")
    if not report.releasable:
        raise SluiceError(f"the report says it must not be released: {report.reason}")
    for gate in (*GATES, comparison.GATE):
        if report.gate(gate) is None:
            raise SluiceError(f"the report lacks the gate {gate}: it did not run")
    if [gate for gate in report.gates if gate.gate in GATES] != _gates(folder / package):
        raise SluiceError(f"the report is of another package than {package}")
    tested = results.read(folder)
    if not tested.passes:
        why = "; ".join(
            f"{v.gate}: {v.why}" for v in tested.verdicts if v.status is not Status.PASS
        )
        raise SluiceError(f"the test environment refuses it: {why or 'nothing was measured'}")
    measured = tested.measurements.candidate if tested.measurements else None
    if measured is None or measured.digest.removeprefix("sha256:") != manifest.digest:
        raise SluiceError("the test environment ran another package than this one")
    if not measured.runs_as.startswith("sha256:"):
        raise SluiceError("the test environment ran no image: 'sluice staging test --image' does")
    if _packaged(folder / IMAGE) != f"sha256:{manifest.digest}":
        raise SluiceError(f"{IMAGE} is not of an image of {package}")
    return manifest


def _packaged(record: Path) -> str:
    """Which package an image holds, by the record of its build."""
    try:
        return msgspec.json.decode(record.read_bytes(), type=Identity).package
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{record.name} is no record of an image: {error}") from None


def _gates(package: Path) -> list[Verdict]:
    """What the report in the package says; that of the delivery says it beside the champion."""
    with opened(package) as unpacked:
        return list(record.read(unpacked.folder / "reports" / "report.json").gates)


def read(folder: Path) -> Delivery:
    """The delivery in a folder, every file as `delivery.json` says, and none beside."""
    made = decode((folder / NAME).read_bytes(), NAME)
    there = {path.name for path in folder.iterdir()} - {NAME}
    if there != set(made.files):
        odd = sorted(there ^ set(made.files))[0]
        raise SluiceError(f"{odd} is {'not in' if odd in there else 'missing, named by'} {NAME}")
    for name, digest in made.files.items():
        if sha256(folder / name) != digest:
            raise SluiceError(f"{name} was changed: its sha256 is not the one in {NAME}")
    manifest = whole(folder, made.package)
    said = (manifest.name, manifest.version, manifest.source.commit)
    if said != (made.name, made.version, made.commit):
        raise SluiceError(f"{NAME} names another package than {made.package}")
    return made


def decode(content: bytes, where: str) -> Delivery:
    try:
        made = msgspec.json.decode(content, type=Delivery)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{where} is not a delivery: {error}") from None
    if not VERSION.fullmatch(made.version) or made.package not in made.files:
        raise SluiceError(f"{where} is not a delivery: its version or package is not one")
    for name in made.files:
        if not _FILE.fullmatch(name) or name == NAME:
            raise SluiceError(f"{where} is not a delivery: {name!r} is no name of a file")
    return made


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.iterdir()) if path.is_dir() else [path]
    return found


def _copy(path: Path, folder: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise SluiceError(f"{path}: expected a plain file")
    if not _FILE.fullmatch(path.name) or (folder / path.name).exists():
        raise SluiceError(f"{path}: a file of this name cannot join the delivery")
    shutil.copyfile(path, folder / path.name)
