"""Reads and writes tensors of the Open Inference Protocol, in JSON or in binary."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from sluice.labels import MISSING, Levels, label
from sluice.model import NOT_FINITE, InputError

Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
]  # fmt: skip

_DTYPES = {
    "BOOL": "?", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
_FLOAT: set[type] = {int, float, type(None)}
_WHOLE: set[type] = {int, type(None)}
_KINDS: dict[str, set[type]] = dict.fromkeys(_DTYPES, _WHOLE) | {
    "FP16": _FLOAT,
    "FP32": _FLOAT,
    "FP64": _FLOAT,
    "BOOL": {bool, type(None)},
    "BYTES": {str, type(None)},
}

Value = bool | int | float | str | None
Values = Sequence[Value]


class Tensor(msgspec.Struct):
    """An input tensor of a request. data: its values in JSON; None if they follow in binary."""

    name: str
    shape: list[int]
    datatype: Datatype
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


def flat(tensor: Tensor, count: int) -> Values:
    """The `count` values of a JSON tensor in row-major order; raises InputError if they differ."""
    name, data = tensor.name, tensor.data or []
    for _ in tensor.shape[1:]:
        if not data or len(data) > count or type(data[0]) is not list:
            break
        data = _flattened(name, data)
    if len(data) != count:
        raise InputError(0, name, f"has {len(data)} values, but its shape needs {count}")
    return data


def _flattened(name: str, data: list[Any]) -> list[Any]:
    """Remove one level of nesting."""
    flattened: list[Any] = []
    for row, inner in enumerate(data):
        if type(inner) is not list or len(inner) != len(data[0]):
            raise InputError(row, name, "is ragged: the rows of its data differ in length")
        flattened += inner
    return flattened


def check_type(name: str, datatype: Datatype, values: Values) -> None:
    """Raise InputError for the first value of a column that does not have its datatype."""
    kinds = _KINDS[datatype]
    if not set(map(type, values)) <= kinds:
        row = next(row for row, value in enumerate(values) if type(value) not in kinds)
    elif kinds is _WHOLE:
        low, high = np.iinfo(_DTYPES[datatype]).min, np.iinfo(_DTYPES[datatype]).max
        inside = [value is None or low <= value <= high for value in values]  # type: ignore[operator]
        if all(inside):
            return
        row = inside.index(False)
    else:
        return
    raise InputError(row, name, f"expected {datatype}, found {_shown(values[row])}")


def _shown(value: object) -> str:
    if isinstance(value, (list, dict)):
        return "values nested deeper than its shape"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def read_binary(tensor: Tensor, content: memoryview, count: int) -> Values:
    """The `count` values of a binary tensor, None for NaN.

    content: the tensor's bytes. Raises InputError if they are not `count` values.
    """
    if tensor.datatype == "BYTES":
        return _texts(tensor.name, content, count)
    dtype = np.dtype(_DTYPES[tensor.datatype])
    if len(content) != count * dtype.itemsize:
        expected = f"{count} values of {tensor.datatype} take {count * dtype.itemsize}"
        raise InputError(0, tensor.name, f"has {len(content)} bytes, but {expected}")
    found = np.frombuffer(content, dtype).tolist()
    if dtype.kind == "f":
        return [None if math.isnan(value) else value for value in found]
    return list(found)


def _texts(name: str, content: memoryview, count: int) -> list[Value]:
    found: list[Value] = []
    position = 0
    while position < len(content) and len(found) < count:
        if position + 4 > len(content):
            break
        (size,) = struct.unpack_from("<I", content, position)
        position += 4
        if position + size > len(content):
            break
        try:
            found.append(str(content[position : position + size], "utf-8"))
        except UnicodeDecodeError:
            raise InputError(len(found), name, "is not valid UTF-8") from None
        position += size
    if len(found) != count or position != len(content):
        problem = f"expected {count} strings, each after its length in 4 bytes"
        raise InputError(len(found), name, problem)
    return found


def write_texts(texts: Sequence[str] | None) -> bytes:
    """Strings as a binary BYTES tensor: each after its length in 4 bytes."""
    parts = []
    for text in texts or ():
        encoded = text.encode()
        parts += [struct.pack("<I", len(encoded)), encoded]
    return b"".join(parts)


def check_numbers(name: str, values: Values) -> None:
    """Raise InputError for the first value that is text or not finite."""
    for row, value in enumerate(values):
        if isinstance(value, str):
            raise InputError(row, name, f"expected a number, found {_shown(value)}")
        if value is not None and not _finite(value):
            raise InputError(row, name, NOT_FINITE)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def categories(values: Values, levels: Levels) -> list[str]:
    """Values of a category column, recognised among its declared values."""
    return [MISSING if value is None else levels.of(value) for value in values]


def labels(values: Values) -> list[str]:
    """Values of the id column as text; a missing value becomes the empty text."""
    return [label(value) for value in values]
