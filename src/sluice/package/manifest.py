"""The manifest of a package: every file with its digest, grouped into parts."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sluice.errors import SluiceError
from sluice.files import decode_json, encode_record, sha256
from sluice.package.parts import REQUIRED

MANIFEST = "manifest.json"
FORMAT = 1

# Up to the year 9999, the last that a date can have.
Seconds = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]*\Z", max_length=64)]


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the package; `size` is in bytes, `path` is relative to the package."""

    path: str
    size: int
    sha256: str


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The commit that the package was built from.

    `time` is the commit's, in seconds since 1970. `clean` is false if the working tree had changes
    that were not committed.
    """

    commit: str
    time: Seconds
    clean: bool


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`parts` lists the files of each part; `digest` is one SHA-256 for all of them.

    `sluice` is one SHA-256 of the code that ran the gates, as `sluice.package.code` computes it; it
    is empty in packages of earlier versions, which did not name it.
    """

    format: int
    name: Name
    version: str
    digest: str
    source: Source
    parts: dict[str, tuple[File, ...]]
    sluice: str = ""

    @property
    def files(self) -> dict[str, File]:
        """All files, by path."""
        return {file.path: file for files in self.parts.values() for file in files}

    @property
    def title(self) -> str:
        """Name and version, as messages name a package."""
        return f"{self.name} {self.version}"


def describe(contents: dict[str, bytes]) -> dict[str, tuple[File, ...]]:
    """The files by part; the part of a file is the first element of its path."""
    parts: dict[str, list[File]] = {}
    for path, content in sorted(contents.items()):
        file = File(path, len(content), sha256(content))
        parts.setdefault(path.partition("/")[0], []).append(file)
    return {part: tuple(files) for part, files in parts.items()}


def digest(parts: dict[str, tuple[File, ...]]) -> str:
    """The SHA-256 of the list that `sha256sum` would print of all files, sorted by path."""
    files = sorted((f.path, f.sha256) for listed in parts.values() for f in listed)
    lines = "".join(f"{sha}  {path}\n" for path, sha in files)
    return sha256(lines.encode())


def require_parts(parts: dict[str, tuple[File, ...]], where: str) -> None:
    """Raise SluiceError unless exactly the known parts are present, with their required files."""
    present = {file.path for files in parts.values() for file in files}
    for part, paths in REQUIRED.items():
        for path in paths:
            if path not in present:
                raise SluiceError(f"{where}: the part {part!r} lacks the required file {path}")
    surplus = sorted(set(parts) - set(REQUIRED))
    if surplus:
        expected = ", ".join(REQUIRED)
        raise SluiceError(
            f"{where}: {surplus[0]!r} is not a part of a package; expected: {expected}"
        )
    for part, files in parts.items():
        for file in files:
            if file.path.partition("/")[0] != part:
                raise SluiceError(f"{where}: {file.path} is listed under the wrong part {part!r}")
            if part == "model" and file.path not in REQUIRED[part]:
                allowed = ", ".join(REQUIRED[part])
                raise SluiceError(
                    f"{where}: {file.path} does not belong to a model; allowed are: {allowed}"
                )


def encode(manifest: Manifest) -> bytes:
    """The manifest as indented JSON."""
    return encode_record(manifest)


def decode(content: bytes, where: str) -> Manifest:
    """Raises SluiceError for content that is not a manifest, or has another format version."""
    try:
        manifest = decode_json(content, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{where}: {MANIFEST} is not a valid manifest: {error}") from None
    if manifest.format != FORMAT:
        raise SluiceError(
            f"{where}: {MANIFEST} has format {manifest.format}, but this version of sluice reads "
            f"format {FORMAT}; use the version of sluice that built the package"
        )
    return manifest
