"""The archive of a package: written with a manifest, and opened only if every byte matches it.

Importing this module needs only the serving dependencies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.errors import SluiceError
from sluice.files import sha256
from sluice.package import tar
from sluice.package.manifest import (
    MANIFEST,
    Manifest,
    Source,
    decode,
    describe,
    digest,
    encode,
    require_parts,
)
from sluice.package.parts import Parts


@dataclass(frozen=True)
class Package(Parts):
    """A package that was unpacked in a folder and compared with its manifest, byte by byte."""

    manifest: Manifest

    def contents(self) -> dict[str, bytes]:
        """The content of every file except the manifest, by its path in the package."""
        return {path: (self.folder / path).read_bytes() for path in self.manifest.files}


@contextmanager
def opened(path: Path, parts: Collection[str] | None = None) -> Iterator[Package]:
    """Open a package: a file, which is unpacked temporarily, or an unpacked folder.

    parts: those to unpack, None for all; every byte is compared in either case. Raises SluiceError
    if the archive is unsafe to unpack, or if any byte differs from the manifest.
    """
    if path.is_dir():
        yield _in_folder(path)
        return
    with unpacked(path, parts) as package:
        yield package


@contextmanager
def unpacked(file: Path, parts: Collection[str] | None = None) -> Iterator[Package]:
    """Unpack a package file temporarily; a folder is refused. Raises the errors of `opened`."""
    with TemporaryDirectory(prefix="sluice-") as scratch:
        yield Package(Path(scratch), unpack(file, Path(scratch), parts))


def version(source: Source, content: str) -> str:
    """The date of the commit (UTC), and 12 hex digits of a digest of the commit and the content.

    The digest includes the commit because two commits of one day may build the same content, but
    each needs its own tag.
    """
    both = sha256(f"{source.commit} {content}".encode())
    return f"{datetime.fromtimestamp(source.time, UTC):%Y.%m.%d}-{both[:12]}"


def archive(contents: dict[str, bytes], manifest: Manifest) -> bytes:
    """The bytes of the package file: the manifest first, then the files in order of their paths."""
    files = [(MANIFEST, encode(manifest)), *sorted(contents.items())]
    return tar.pack(files, manifest.source.time)


def unpack(file: Path, folder: Path, parts: Collection[str] | None = None) -> Manifest:
    """Unpack a package file into an empty folder, and compare every byte with the manifest.

    parts: as in `opened`. Raises SluiceError for what is unsafe to unpack, and for any difference.
    """
    contents = tar.unpack(file, folder, {MANIFEST, *parts} if parts is not None else None)
    encoded = contents.pop(MANIFEST, None)
    if encoded is None:
        raise SluiceError(f"{file}: {MANIFEST} is missing")
    manifest = decode(encoded, str(file))
    described = describe(contents)
    found = {each.path: each.sha256 for files in described.values() for each in files}
    _compare(manifest, found, str(file))
    # Files and manifest determine every byte of the archive; no other archive is accepted.
    if described != manifest.parts or archive(contents, manifest) != file.read_bytes():
        raise SluiceError(
            f"{file}: differs from the archive that its files and {MANIFEST} give: a size, an "
            "owner, a mode, the order or the manifest's formatting differs, or extra bytes follow"
        )
    return manifest


def _in_folder(folder: Path) -> Package:
    if not (folder / MANIFEST).is_file():
        raise SluiceError(f"{folder}: is not an unpacked package: {MANIFEST} is missing")
    manifest = decode((folder / MANIFEST).read_bytes(), str(folder))
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise SluiceError(f"{path}: is a link, expected a regular file")
        if path.is_file() and path != folder / MANIFEST:
            content = path.read_bytes()
            digests[path.relative_to(folder).as_posix()] = sha256(content)
    _compare(manifest, digests, str(folder))
    return Package(folder, manifest)


def _compare(manifest: Manifest, digests: dict[str, str], where: str) -> None:
    """Raise SluiceError unless the files match the manifest and the manifest is correct."""
    listed = manifest.files
    if sum(map(len, manifest.parts.values())) != len(listed):
        raise SluiceError(f"{where}: {MANIFEST} lists a file twice")
    for path, file in sorted(listed.items()):
        if path not in digests:
            raise SluiceError(f"{where}: {path} is missing, although {MANIFEST} lists it")
        if digests[path] != file.sha256:
            raise SluiceError(
                f"{where}: {path} was changed: its SHA-256 differs from the one in {MANIFEST}"
            )
    surplus = sorted(set(digests) - set(listed))
    if surplus:
        raise SluiceError(f"{where}: {surplus[0]} is not listed in {MANIFEST}")
    require_parts(manifest.parts, where)
    content = digest(manifest.parts)
    if content != manifest.digest or version(manifest.source, content) != manifest.version:
        raise SluiceError(f"{where}: the digest or version in {MANIFEST} does not match the files")
