"""Arrow columns as NumPy arrays. Arrow's own conversion would import pandas, which takes as long as
counting a hundred thousand records.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def integers(column: pa.Array) -> NDArray[Any]:
    """The values of a column of integers or times, shape [n].

    Raises ValueError if one is missing.
    """
    if column.null_count:
        raise ValueError("has a record without a time, or without the name of its model or host")
    return _held(column, f"<i{column.type.bit_width // 8}")


def floats(column: pa.Array) -> NDArray[np.float64]:
    """The values of a column of numbers, shape [n]; missing ones are NaN."""
    if column.type != pa.float64():
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    values = _held(column, "<f8")
    return np.where(_known(column), values, np.nan) if column.null_count else values


def _held(column: pa.Array, kind: str) -> NDArray[Any]:
    values = column.buffers()[1]
    if values is None:  # a column without rows
        return np.zeros(0, kind)
    return np.frombuffer(values, kind)[column.offset : column.offset + len(column)]


def _known(column: pa.Array) -> NDArray[np.bool_]:
    """Whether each value is known, for a column in which some are missing."""
    packed = np.frombuffer(column.buffers()[0], np.uint8)
    end = column.offset + len(column)
    return np.unpackbits(packed, count=end, bitorder="little")[column.offset :].view(np.bool_)
