"""The tar file of a package: identical on every machine, and unpacked without being trusted."""

from __future__ import annotations

import io
import tarfile
import unicodedata
from collections.abc import Container, Iterable
from pathlib import Path

from sluice.errors import SluiceError

MAX_BYTES = 512 * 2**20
_MAX_FILES = 5_000
_MAX_PATH_BYTES = 250


def pack(files: list[tuple[str, bytes]], time: int) -> bytes:
    """An uncompressed tar of the files, in this order.

    Every member has the same owner, the same mode and the modification time `time` (seconds since
    1970, UTC). The tar is not compressed, because compressors differ between machines.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(content), time, 0o644
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpack(file: Path, folder: Path, parts: Container[str] | None = None) -> dict[str, bytes]:
    """Unpack into an empty folder; returns the content of each member.

    parts: the first elements of the paths to write; None writes all. All members are checked.
    Raises SluiceError for what is not an uncompressed tar of plain files that stay in the folder.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise SluiceError(f"{file}: is larger than {MAX_BYTES:,} bytes, the limit of a package")
        with file.open("rb") as stream:
            whole = stream.read(MAX_BYTES)  # the size may not be known, or change
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
            contents = _contents(tar, whole, str(file))
    except FileNotFoundError:
        raise SluiceError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise SluiceError(f"{file}: is a folder, expected a package file") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise SluiceError(f"{file}: is not a readable package: {error}") from None
    _write({n: c for n, c in contents.items() if parts is None or _part(n) in parts}, folder)
    return contents


def _part(name: str) -> str:
    return name.partition("/")[0]


def _contents(tar: tarfile.TarFile, whole: bytes, where: str) -> dict[str, bytes]:
    """The content of each member; whole: the bytes of the archive."""
    unpacked: dict[str, bytes] = {}
    folded: dict[str, str] = {}
    total = 0
    for member in tar:
        _refuse_unless_safe(member, where)
        if member.name in unpacked:
            raise SluiceError(f"{where}: contains {member.name!r} twice")
        if (other := folded.setdefault(_folded(member.name), member.name)) != member.name:
            raise SluiceError(
                f"{where}: {member.name!r} and {other!r} are the same file on file systems that "
                "ignore case or Unicode composition"
            )
        total += member.size
        if total > MAX_BYTES or len(unpacked) >= _MAX_FILES:
            raise SluiceError(
                f"{where}: unpacks to more than {MAX_BYTES:,} bytes or {_MAX_FILES:,} files, "
                "the limits of a package"
            )
        unpacked[member.name] = _content(whole, member, where)
    for parent in sorted(unpacked.keys() & _folders(unpacked)):
        raise SluiceError(f"{where}: {parent!r} is both a file and a folder")
    return unpacked


def _folders(names: Iterable[str]) -> set[str]:
    """All folders that contain these files, at any depth."""
    found: set[str] = set()
    for name in names:
        parent = name.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return found


def _folded(name: str) -> str:
    """The name as compared by file systems that ignore case and composition (Unicode, D145)."""
    if name.isascii():
        return name.lower()  # the same, in a fraction of the time
    canonical = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", canonical))


def _refuse_unless_safe(member: tarfile.TarInfo, where: str) -> None:
    name = member.name
    parts = name.split("/")  # a Path would take most of the time of unpacking
    if not member.isreg() or member.sparse is not None:
        raise SluiceError(f"{where}: {name!r} is not a regular file (but a link, folder or device)")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in name:
        raise SluiceError(f"{where}: the path {name!r} could lead outside the package")
    if "" in parts or "." in parts or not name.isprintable():
        raise SluiceError(f"{where}: the path {name!r} is not in its simplest printable form")
    if len(name.encode()) > _MAX_PATH_BYTES:
        raise SluiceError(f"{where}: the path {name!r} is longer than {_MAX_PATH_BYTES} bytes")


def _content(whole: bytes, member: tarfile.TarInfo, where: str) -> bytes:
    content = whole[member.offset_data : member.offset_data + member.size]
    if len(content) != member.size:
        raise SluiceError(f"{where}: the file ends in the middle of {member.name}")
    return content


def _write(contents: dict[str, bytes], folder: Path) -> None:
    for parent in {(folder / name).parent for name in contents}:
        parent.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
