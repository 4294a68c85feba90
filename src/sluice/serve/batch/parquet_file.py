"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from sluice.serve.batch.row_file import RowBatch, numbered, reading

# Bytes of a column to read at a time. Without this, a whole row group is kept in memory.
_WINDOW = 2**20


class ParquetFile:
    """A Parquet file; raises SluiceError if it cannot be read."""

    parsed = False

    def __init__(self, path: Path) -> None:
        self._path = path
        with reading(path, "Parquet"), pq.ParquetFile(path) as file:
            self.columns = file.schema_arrow
            self.rows: int | None = file.metadata.num_rows

    def batches(self, most: int) -> Iterator[RowBatch]:
        """Read in batches of at most this many rows."""
        with (
            reading(self._path, "Parquet"),
            pq.ParquetFile(self._path, buffer_size=_WINDOW, pre_buffer=False) as file,
        ):
            yield from numbered(file.iter_batches(most, use_threads=False), most)
