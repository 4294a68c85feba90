"""Between Arrow's arrays and NumPy's.

By their memory, not by `pa.array`, `pa.scalar` and `to_numpy`: these import
pandas wherever it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.metrics import Floats, Ints


def floats(values: Floats) -> pa.Array:
    held = np.ascontiguousarray(values, np.float64)
    return pa.Array.from_buffers(pa.float64(), len(held), [None, pa.py_buffer(held)])


def integers(values: Ints) -> pa.Array:
    held = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(held), [None, pa.py_buffer(held)])


def texts(values: Sequence[str]) -> pa.Array:
    encoded = [value.encode("utf-8", "replace") for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    # Large while it is made: the problems of a batch may quote more than 2 GiB.
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers).cast(pa.string())


def choose(values: Sequence[str], at: Ints) -> pa.Array:
    """[n] texts, each one of a few."""
    return texts(values).take(integers(at))


def present(array: pa.Array) -> NDArray[np.bool_]:
    """[n] whether there is a value."""
    if not array.null_count:
        return np.ones(len(array), bool)
    bits = array.is_valid()
    whole = np.unpackbits(np.frombuffer(bits.buffers()[1], np.uint8), bitorder="little")
    return whole[bits.offset : bits.offset + len(bits)].astype(bool)


def numbers(array: pa.Array) -> Floats:
    """[n] floats of an array of doubles, NaN where there is no value."""
    if not len(array):
        return np.empty(0)
    held = np.frombuffer(array.buffers()[1])[array.offset : array.offset + len(array)]
    return np.where(present(array), held, np.nan) if array.null_count else held
