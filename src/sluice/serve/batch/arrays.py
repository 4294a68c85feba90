"""Converts between Arrow's arrays and NumPy's.

The conversion goes through the buffers of the arrays, because `pa.array`, `pa.scalar` and
`to_numpy` import pandas wherever it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.metrics import Floats, Ints
from sluice.serve.batch import arrow_functions


def floats(values: Floats) -> pa.Array:
    """[n] doubles without nulls."""
    contiguous = np.ascontiguousarray(values, np.float64)
    return pa.Array.from_buffers(pa.float64(), len(contiguous), [None, pa.py_buffer(contiguous)])


def integers(values: Ints) -> pa.Array:
    """[n] 64-bit integers without nulls."""
    contiguous = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(contiguous), [None, pa.py_buffer(contiguous)])


def texts(values: Sequence[str | None]) -> pa.Array:
    """[n] strings; None becomes null."""
    encoded = [(value or "").encode("utf-8", "replace") for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    known = np.array([value is not None for value in values], bool)
    bits = np.packbits(known, bitorder="little")
    buffers = [pa.py_buffer(bits), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    # First as large strings: the quoted values of a batch may take more than 2 GiB.
    large = pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)
    return arrow_functions.cast(large, pa.string())


def choose(values: Sequence[str], indices: Ints) -> pa.Array:
    """[n] strings: the value at each of the indices [n]."""
    return arrow_functions.take(texts(values), integers(indices))


def present(array: pa.Array) -> NDArray[np.bool_]:
    """[n] whether each element has a value."""
    if not array.null_count:
        return np.ones(len(array), bool)
    byte, bit = divmod(array.offset, 8)
    bits = np.frombuffer(array.buffers()[0], np.uint8)[byte:]
    unpacked = np.unpackbits(bits, count=bit + len(array), bitorder="little")
    return unpacked[bit:].astype(bool)


def numbers(array: pa.Array) -> Floats:
    """[n] the values of an array of doubles, NaN for null."""
    if not len(array):
        return np.empty(0)
    values = np.frombuffer(array.buffers()[1])[array.offset : array.offset + len(array)]
    return np.where(present(array), values, np.nan) if array.null_count else values
