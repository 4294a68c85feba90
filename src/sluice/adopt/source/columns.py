"""Checks and conversions that CSV and Parquet columns share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.config import check_key
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import Series

# Tree models and ONNX Runtime hold numbers as float32.
_LARGEST_FLOAT32 = 3.4e38
LARGEST_EXACT = 2**53  # float64 is not exact for larger whole numbers
_LONGEST_NAME = 200


def require_names(file: Path, names: list[str]) -> None:
    """Raise SluiceError unless every column has a usable and unique name."""
    for place, name in enumerate(names, 1):
        if not name.strip():
            raise SluiceError(f"{file}: column {place} has no name; name it")
        if len(name) > _LONGEST_NAME:
            raise SluiceError(
                f"{file}: the name of column {place} has {len(name)} characters, but at most "
                f"{_LONGEST_NAME} are allowed; is the first line a header?"
            )
        try:
            check_key(name)
        except ValueError as error:
            raise SluiceError(f"{file}: column {place}, {name!r}: {error}") from None
        if names.index(name) != place - 1:
            raise SluiceError(f"{file}: two columns are named {name!r}; rename one of them")


def require_finite(file: Path, column: Series) -> None:
    """Raise SluiceError for infinite numbers and for numbers that float32 cannot hold."""
    if column.dtype.kind != "f":
        return
    count = int((column.abs() > _LARGEST_FLOAT32).sum())
    if count:
        infinite = math.isinf(column.abs().max())
        problem = "infinite values" if infinite else "values too large for float32"
        raise SluiceError(
            f"{file}: column {column.name!r} has {problem} (number of rows: {count:,}); leave "
            "these cells empty, or correct them"
        )


def integers_if_whole(numbers: Series) -> Series:
    """Return Int64 if every known value is a whole number that float64 represents exactly."""
    if numbers.dtype.kind in "iu":
        return numbers.astype("Int64")
    known = numbers.dropna()
    if len(known) and bool(((known == known.round()) & (known.abs() < LARGEST_EXACT)).all()):
        return numbers.astype("Int64")
    return numbers.astype("float64")
