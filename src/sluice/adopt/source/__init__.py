"""Read the table to adopt, from a CSV or a Parquet file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import csv_dialect, table
from sluice.adopt.source import csv_file, parquet_file, parts
from sluice.adopt.source.columns import require_finite
from sluice.adopt.source.found import Source
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Source", "read", "write"]


def read(file: Path, keep: Mapping[str, Collection[str]] | None = None) -> Source:
    """Return the table with typed columns, and what was done to read it.

    file: may also be a folder of parts. A column is Int64, float64, boolean, a date or text.
    Missing values are NA, but a text column still has words such as NA that may mean one. keep: by
    column, such words that are values. Raises SluiceError for a file that cannot be read, is not a
    table, or holds values that a model cannot take.
    """
    if file.is_dir():
        files = table.parts(file)
        return parts.together(files, [read(part, keep) for part in files])
    head = _head(file)
    if head.startswith(parquet_file.MAGIC) or file.suffix == ".parquet":
        found = parquet_file.read(file)
    else:
        found = csv_file.read(file, keep or {})
    if found.frame.empty:
        raise SluiceError(f"{file} has a header but no rows: add the rows")
    for name in found.frame.columns:
        require_finite(file, found.frame[name])
    return found


def write(frame: DataFrame, path: Path) -> None:
    """Write the table as CSV, or as Parquet if the suffix says so."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        csv_dialect.write(frame, path)


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(8192)
    except FileNotFoundError:
        raise SluiceError(f"{file} is missing: check the path") from None
    except OSError as error:
        raise SluiceError(f"{file} cannot be read: {error.strerror}") from None
