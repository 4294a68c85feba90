"""No pickle crosses a trust boundary: what would run code when it is loaded is found unread.

A pickle is a program that hides well: with a bad end, before an archive, compressed, in an
array. So a pipeline's file must be what skops writes and nothing else: an archive from its
first byte to its last, of one JSON and of arrays of plain numbers.
"""

from __future__ import annotations

import io
import json
import math
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from numpy.lib import format as npy

from sluice.errors import SluiceError

_CALLS = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"}
_PICKLE = "holds a pickle, which runs code when it is loaded"
_MOST_MEMBERS, _MOST_BYTES = 10_000, 512 * 2**20
_ENTRY, _LISTED, _END = 30, 46, 22  # what a zip spends on a member, on listing it, and at its end
_TORN = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def refuse(folder: Path, where: str) -> None:
    """Raise SluiceError for a model's file that is a pickle, could have one in it, or is odd."""
    checks = {"model.onnx": _graph, "pipeline.skops": _pipeline, "signature.json": _json}
    for name, check in checks.items():
        try:
            check((folder / name).read_bytes())
        except SluiceError as error:
            raise SluiceError(f"{where}: {folder.name}/{name} {error}") from None


def _graph(content: bytes) -> None:
    """ONNX Runtime parses it afterwards, and takes nothing else for a model."""
    if _program(content):
        raise SluiceError(_PICKLE)


def _json(content: bytes) -> None:
    if _program(content):
        raise SluiceError(_PICKLE)
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SluiceError(f"is not JSON: {error}") from None


def _pipeline(content: bytes) -> None:
    names = set()
    for name, member in _members(content, {zipfile.ZIP_STORED}):
        names.add(name)
        if name == "schema.json":
            _json(member)
        elif re.fullmatch(r"[0-9]+\.npy", name):
            _array(member)
        elif re.fullmatch(r"[0-9]+\.npz", name):  # a sparse matrix
            for _, part in _members(member, {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}):
                _array(part)
        else:
            raise SluiceError(f"holds {name!r:.100}, which is no part of a pipeline")
    if "schema.json" not in names:
        raise SluiceError("is no pipeline: schema.json is missing")


def _members(content: bytes, ways: set[int]) -> Iterator[tuple[str, bytes]]:
    """The members of an archive that has nothing before, between or after them."""
    if not content.startswith(b"PK\x03\x04"):
        raise SluiceError(_PICKLE if _program(content) else "is not an archive from its first byte")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = archive.infolist()
            total = sum(member.file_size for member in listed)
            if len(listed) > _MOST_MEMBERS or total > _MOST_BYTES:
                raise SluiceError("unpacks to more than any model")
            if len({member.filename for member in listed}) < len(listed):
                raise SluiceError("holds a name twice")
            if any(member.flag_bits or member.compress_type not in ways for member in listed):
                raise SluiceError("is packed in a way that skops does not")
            if _extent(content, listed) != len(content):
                raise SluiceError("holds bytes beside the members of the archive")
            for member in listed:
                yield member.filename, archive.read(member)
    except _TORN as error:
        raise SluiceError(f"is not a readable archive: {error}") from None


def _extent(content: bytes, listed: list[zipfile.ZipInfo]) -> int:
    """How long an archive of these members is, where each begins at the end of the one before."""
    at = 0
    for member in sorted(listed, key=lambda member: member.header_offset):
        if member.header_offset != at:
            return -1
        name, extra = struct.unpack_from("<HH", content, at + 26)
        at += _ENTRY + name + extra + member.compress_size
    for member in listed:
        at += _LISTED + len(member.filename.encode()) + len(member.extra) + len(member.comment)
    return at + _END


def _array(content: bytes) -> None:
    """An array as NumPy writes it, of plain values, and nothing after them."""
    file = io.BytesIO(content)
    try:
        shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
    except Exception as error:  # a header is Python's syntax: what is none fails in many ways
        said = " ".join(str(error).split())
        reason = _PICKLE if _program(content) else f"holds an array that is none: {said:.100}"
        raise SluiceError(reason) from None
    if dtype.hasobject:
        raise SluiceError(_PICKLE)
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != len(content) - file.tell():
        raise SluiceError("holds an array of another size than it says")


def _program(content: bytes) -> bool:
    """Whether a pickle of any protocol begins here; it would run up to where it breaks."""
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    calls = False
    try:
        for operation, _, _ in pickletools.genops(content):
            calls = calls or operation.name in _CALLS
    except Exception:  # what is no pickle fails in every way that bytes can
        return calls
    return calls
