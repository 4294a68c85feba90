"""The archive: written alike everywhere, and opened as if nobody vouched for it.

Needs the serving dependencies alone.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from sluice.errors import SluiceError
from sluice.files import sha256
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

MOST_BYTES = 512 * 2**20
MOST_FILES = 5_000
LONGEST_PATH = 250


@dataclass(frozen=True)
class Package:
    """A package laid out in a folder, every byte as its manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def model(self) -> Path:
        return self.folder / "model"


@contextmanager
def opened(path: Path) -> Iterator[Package]:
    """A package file, unpacked for as long as it is used, or a folder that one was unpacked to.

    Raises SluiceError for what must not be opened or is not whole.
    """
    if path.is_dir():
        yield Package(path, hold_folder(path))
        return
    with TemporaryDirectory(prefix="sluice-") as scratch:
        yield Package(Path(scratch), unpack(path, Path(scratch)))


def version(source: Source, whole: str) -> str:
    """The day of the commit (UTC), and a digest of commit and content.

    Two commits of a day may hold the same content, and each has a tag of its own.
    """
    both = sha256(f"{source.commit} {whole}".encode())
    return f"{datetime.fromtimestamp(source.time, UTC):%Y.%m.%d}-{both[:12]}"


def archive(contents: dict[str, bytes], manifest: Manifest) -> bytes:
    """A tar with the manifest first; owner, mode and time are the same for every member."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in [(MANIFEST, encode(manifest)), *sorted(contents.items())]:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(content), manifest.source.time, 0o644
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpack(file: Path, folder: Path) -> Manifest:
    """Unpack into an empty folder, holding every byte against the manifest."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise SluiceError(f"{file}: larger than {MOST_BYTES:,} bytes")
        # No compression: an archive is never larger than its file says.
        with tarfile.open(file, "r:") as tar:
            written = _extract(tar, folder, str(file))
    except FileNotFoundError:
        raise SluiceError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise SluiceError(f"{file}: a folder, expected a package file") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise SluiceError(f"{file}: not a readable package: {error}") from None
    if MANIFEST not in written:
        raise SluiceError(f"{file}: {MANIFEST} is missing")
    manifest = decode((folder / MANIFEST).read_bytes(), str(file))
    _hold(manifest, {k: v for k, v in written.items() if k != MANIFEST}, str(file))
    _sealed_so(file, manifest, folder)
    return manifest


def hold_folder(folder: Path) -> Manifest:
    """Hold every byte of an unpacked package against its manifest."""
    if not (folder / MANIFEST).is_file():
        raise SluiceError(f"{folder}: not an unpacked package: {MANIFEST} is missing")
    manifest = decode((folder / MANIFEST).read_bytes(), str(folder))
    written = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise SluiceError(f"{path}: a link, expected a plain file")
        if path.is_file() and path != folder / MANIFEST:
            content = path.read_bytes()
            written[path.relative_to(folder).as_posix()] = sha256(content)
    _hold(manifest, written, str(folder))
    return manifest


def _extract(tar: tarfile.TarFile, folder: Path, where: str) -> dict[str, str]:
    """Write the members one by one; returns the sha256 of each."""
    written: dict[str, str] = {}
    total = 0
    for member in tar:
        _refuse_unless_plain(member, written, where)
        total += member.size
        if total > MOST_BYTES or len(written) >= MOST_FILES:
            raise SluiceError(
                f"{where}: unpacks to more than {MOST_BYTES:,} bytes or {MOST_FILES:,} files"
            )
        stream = tar.extractfile(member)
        content = stream.read(member.size) if stream else b""
        if len(content) != member.size:
            raise SluiceError(f"{where}: ends in the middle of {member.name}")
        target = folder / member.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise SluiceError(f"{where}: {member.name!r} is both a file and a folder") from None
        written[member.name] = sha256(content)
    return written


def _refuse_unless_plain(member: tarfile.TarInfo, written: dict[str, str], where: str) -> None:
    name = member.name
    path = PurePosixPath(name)
    if not member.isreg() or member.sparse is not None:
        raise SluiceError(f"{where}: {name!r} is not a plain file (a link, folder or device)")
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or ":" in name:
        raise SluiceError(f"{where}: the path {name!r} leads out of the package")
    if path.as_posix() != name or not name.isprintable() or len(name.encode()) > LONGEST_PATH:
        raise SluiceError(f"{where}: the path {name!r} is not in plain form")
    if name in written:
        raise SluiceError(f"{where}: {name!r} is there twice")


def _hold(manifest: Manifest, written: dict[str, str], where: str) -> None:
    listed = manifest.files
    if sum(map(len, manifest.parts.values())) != len(listed):
        raise SluiceError(f"{where}: {MANIFEST} lists a file twice")
    for path, file in sorted(listed.items()):
        if path not in written:
            raise SluiceError(f"{where}: {path} is missing")
        if written[path] != file.sha256:
            raise SluiceError(f"{where}: {path} was changed: its sha256 is not the manifest's")
    surplus = sorted(set(written) - set(listed))
    if surplus:
        raise SluiceError(f"{where}: {surplus[0]} is not in the manifest")
    require_parts(manifest.parts, where)
    whole = digest(manifest.parts)
    if whole != manifest.digest or version(manifest.source, whole) != manifest.version:
        raise SluiceError(f"{where}: digest and version do not belong to the content")


def _sealed_so(file: Path, manifest: Manifest, folder: Path) -> None:
    """Contents and manifest make one archive: whatever differs from it is unaccounted for."""
    contents = {path: (folder / path).read_bytes() for path in manifest.files}
    if describe(contents) != manifest.parts or archive(contents, manifest) != file.read_bytes():
        raise SluiceError(
            f"{file}: is not the archive that its files are sealed in: a size, an owner, a mode, "
            "the order or the manifest's spelling differs, or bytes follow the end"
        )
