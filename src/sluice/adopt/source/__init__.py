"""Read the table to adopt, from a CSV or a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sluice.adopt.source import csv_file, parquet_file
from sluice.adopt.source.columns import require_finite
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame


def read(file: Path) -> DataFrame:
    """Return the table with typed columns and missing values as NA.

    A column is Int64, float64, boolean, a date or text. Raises SluiceError for a file that
    cannot be read, is not a table, or holds values that a model cannot take.
    """
    head = _head(file)
    if head.startswith(parquet_file.MAGIC) or file.suffix == ".parquet":
        frame = parquet_file.read(file)
    else:
        frame = csv_file.read(file)
    if frame.empty:
        raise SluiceError(f"{file} has a header but no rows: add the rows")
    for name in frame.columns:
        require_finite(file, frame[name])
    return frame


def write(frame: DataFrame, path: Path) -> None:
    """Write the table as CSV, or as Parquet if the suffix says so."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n")


def _head(file: Path) -> bytes:
    if file.is_dir():
        raise SluiceError(f"{file} is a folder: name one CSV or Parquet file")
    try:
        with file.open("rb") as opened:
            return opened.read(8192)
    except FileNotFoundError:
        raise SluiceError(f"{file} is missing: check the path") from None
    except OSError as error:
        raise SluiceError(f"{file} cannot be read: {error.strerror}") from None
