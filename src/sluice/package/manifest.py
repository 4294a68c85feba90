"""What a package holds: every file by digest, every required part by name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from sluice.errors import SluiceError
from sluice.files import encode_record, sha256

MANIFEST = "manifest.json"
FORMAT = 1

# The parts that a package accounts for, and the files that each must hold.
PARTS: dict[str, tuple[str, ...]] = {
    "model": ("model/model.onnx", "model/signature.json", "model/pipeline.skops"),
    "code": ("code/usecase/candidates.py", "code/sluice/model.py"),
    "configuration": (
        "configuration/params.yaml",
        "configuration/dvc.yaml",
        "configuration/dvc.lock",
        "configuration/selection.json",
    ),
    "data": ("data/data.json", "data/data.dvc"),
    "environment": (
        "environment/serve.txt",
        "environment/batch.txt",
        "environment/build.txt",
        "environment/pyproject.toml",
    ),
    "documentation": ("documentation/model-card.md", "documentation/datasheet.md"),
    "scenarios": ("scenarios/scenarios.json",),
    "reports": ("reports/report.md", "reports/report.html", "reports/report.json"),
}


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    size: int
    sha256: str


# What a date can be made of, until the year 9999.
Seconds = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]*\Z", max_length=64)]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The commit that was built; not `clean` if the work tree had changes on top."""

    commit: str
    time: Seconds
    clean: bool


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`parts` lists the files of each part; `digest` is the digest of all of them."""

    format: int
    name: Name
    version: str
    digest: str
    source: Source
    parts: dict[str, tuple[File, ...]]

    @property
    def files(self) -> dict[str, File]:
        return {file.path: file for files in self.parts.values() for file in files}


def describe(contents: dict[str, bytes]) -> dict[str, tuple[File, ...]]:
    """The files by part: the first element of their path."""
    parts: dict[str, list[File]] = {}
    for path, content in sorted(contents.items()):
        file = File(path, len(content), sha256(content))
        parts.setdefault(PurePosixPath(path).parts[0], []).append(file)
    return {part: tuple(files) for part, files in parts.items()}


def digest(parts: dict[str, tuple[File, ...]]) -> str:
    """One digest of all files: of their paths and digests in order."""
    files = sorted((f.path, f.sha256) for listed in parts.values() for f in listed)
    lines = "".join(f"{sha}  {path}\n" for path, sha in files)
    return sha256(lines.encode())


def require_parts(parts: dict[str, tuple[File, ...]], where: str) -> None:
    """Raise SluiceError unless each required part is there with its files, and no other part."""
    held = {file.path for files in parts.values() for file in files}
    for part, files in PARTS.items():
        for path in files:
            if path not in held:
                raise SluiceError(f"{where}: the part {part!r} lacks {path}")
    surplus = sorted(set(parts) - set(PARTS))
    if surplus:
        raise SluiceError(f"{where}: {surplus[0]!r} is not a part of a package")
    for part, listed in parts.items():
        for file in listed:
            if PurePosixPath(file.path).parts[0] != part:
                raise SluiceError(f"{where}: {file.path} is listed under the part {part!r}")
            if part == "model" and file.path not in PARTS[part]:
                raise SluiceError(f"{where}: {file.path} is no file of a model")


def encode(manifest: Manifest) -> bytes:
    return encode_record(manifest)


def decode(content: bytes, where: str) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{where}: {MANIFEST} is not a manifest: {error}") from None
    if manifest.format != FORMAT:
        raise SluiceError(f"{where}: format {manifest.format} is not known, expected {FORMAT}")
    return manifest
