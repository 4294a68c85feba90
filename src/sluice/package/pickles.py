"""No pickle crosses a trust boundary: what would run code when it is loaded is found unread.

A pickle is a program; here its instructions are listed, never carried out.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path

from sluice.errors import SluiceError

_CALLS = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"}
_MOST_MEMBERS, _MOST_BYTES = 10_000, 512 * 2**20


def refuse(folder: Path, where: str) -> None:
    """Raise SluiceError for a file below `folder` that is a pickle or has one in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _pickled(path.read_bytes()):
            name = path.relative_to(folder.parent).as_posix()
            raise SluiceError(f"{where}: {name} holds a pickle, which runs code when it is loaded")


def _pickled(content: bytes) -> bool:
    if zipfile.is_zipfile(io.BytesIO(content)):
        return any(_program(member) for member in _members(content))
    return _program(content)


def _members(content: bytes) -> list[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = archive.infolist()
            total = sum(member.file_size for member in listed)
            if len(listed) > _MOST_MEMBERS or total > _MOST_BYTES:
                raise SluiceError("a model's file unpacks to more than any model")
            return [archive.read(member) for member in listed]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise SluiceError(f"a model's file is not readable: {error}") from None


def _program(content: bytes) -> bool:
    """A pickle of any protocol, or NumPy's array of objects, which is one."""
    if content.startswith(b"\x93NUMPY"):
        return b"'|O'" in content[:512] or b"'O'" in content[:512]
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    calls = False
    try:
        for operation, _, _ in pickletools.genops(content):
            calls = calls or operation.name in _CALLS
    except Exception:  # what is no pickle fails in every way that bytes can
        return False
    return calls
