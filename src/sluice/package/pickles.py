"""Refuse model files that could run code when they are loaded, without loading them.

A pickle is a program, and it can be hidden: truncated, in front of a zip archive, compressed, or in
an array of objects. So the pipeline's file must be exactly what skops writes: a zip archive,
without other bytes, of one JSON file and arrays of plain values.
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
_PICKLE = "contains a pickle, which can run any code when it is loaded"
_MAX_MEMBERS, _MAX_BYTES = 10_000, 512 * 2**20
# Sizes of a zip's fixed fields: before each member, in each directory entry, and at the end.
_MEMBER_HEADER, _DIRECTORY_ENTRY, _DIRECTORY_END = 30, 46, 22
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def refuse(folder: Path, where: str) -> None:
    """Check the files of a model's folder; `where` names the package in messages.

    Raises SluiceError for a file that is a pickle, could hide one, or has a form that sluice does
    not write.
    """
    checks = {"model.onnx": _graph, "pipeline.skops": _pipeline, "signature.json": _json}
    for name, check in checks.items():
        try:
            check((folder / name).read_bytes())
        except SluiceError as error:
            raise SluiceError(f"{where}: {folder.name}/{name} {error}") from None


def _graph(content: bytes) -> None:
    """Refuse a pickle. ONNX Runtime refuses all other files that are not models when it parses
    them.
    """
    if _is_pickle(content):
        raise SluiceError(_PICKLE)


def _json(content: bytes) -> None:
    if _is_pickle(content):
        raise SluiceError(_PICKLE)
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SluiceError(f"is not valid JSON: {error}") from None


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
            raise SluiceError(f"contains {name!r:.100}, which skops does not write")
    if "schema.json" not in names:
        raise SluiceError("is not a pipeline of skops: schema.json is missing")


def _members(content: bytes, compressions: set[int]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a zip archive that has no bytes before, between or after its members.

    `compressions` are the zip compression methods that are allowed.
    """
    if not content.startswith(b"PK\x03\x04"):
        raise SluiceError(
            _PICKLE if _is_pickle(content) else "does not start as a zip archive does"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = archive.infolist()
            total = sum(member.file_size for member in listed)
            if len(listed) > _MAX_MEMBERS or total > _MAX_BYTES:
                raise SluiceError(
                    f"unpacks to more than {_MAX_MEMBERS:,} files or {_MAX_BYTES:,} bytes"
                )
            if len({member.filename for member in listed}) < len(listed):
                raise SluiceError("contains a file name twice")
            if any(
                member.flag_bits or member.compress_type not in compressions for member in listed
            ):
                raise SluiceError("is compressed or encrypted in a way that skops does not use")
            if _extent(content, listed) != len(content):
                raise SluiceError("contains bytes outside the files of its zip archive")
            for member in listed:
                yield member.filename, archive.read(member)
    except _UNREADABLE as error:
        raise SluiceError(f"is not a readable zip archive: {error}") from None


def _extent(content: bytes, listed: list[zipfile.ZipInfo]) -> int:
    """The length in bytes of a zip archive of these members; -1 if there are bytes between them."""
    at = 0
    for member in sorted(listed, key=lambda member: member.header_offset):
        if member.header_offset != at:
            return -1
        name, extra = struct.unpack_from("<HH", content, at + 26)
        at += _MEMBER_HEADER + name + extra + member.compress_size
    for member in listed:
        at += (
            _DIRECTORY_ENTRY
            + len(member.filename.encode())
            + len(member.extra)
            + len(member.comment)
        )
    return at + _DIRECTORY_END


def _array(content: bytes) -> None:
    """A file of NumPy with plain values and no bytes after them."""
    file = io.BytesIO(content)
    try:
        shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
    except Exception as error:  # NumPy parses the header as Python, which can raise anything
        detail = " ".join(str(error).split())
        reason = _PICKLE if _is_pickle(content) else f"contains an invalid array: {detail:.100}"
        raise SluiceError(reason) from None
    if dtype.hasobject:
        raise SluiceError(_PICKLE)
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != len(content) - file.tell():
        raise SluiceError("contains an array whose size differs from its header")


def _is_pickle(content: bytes) -> bool:
    """Whether a pickle of any protocol begins here; even a truncated one would partly run."""
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    calls = False
    try:
        for operation, _, _ in pickletools.genops(content):
            calls = calls or operation.name in _CALLS
    except Exception:  # for bytes that are not a pickle, anything can be raised
        return calls
    return calls
