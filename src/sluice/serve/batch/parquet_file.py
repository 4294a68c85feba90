"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from sluice.serve.batch.row_file import RowBatch, numbered, reading

# A column is read through a window of this size: without it a row group is held whole.
_WINDOW = 2**20


class ParquetFile:
    parsed = False

    def __init__(self, path: Path) -> None:
        self._path = path
        with reading(path, "Parquet"), pq.ParquetFile(path) as file:
            self.columns = file.schema_arrow
            self.rows: int | None = file.metadata.num_rows

    def batches(self, most: int) -> Iterator[RowBatch]:
        with (
            reading(self._path, "Parquet"),
            pq.ParquetFile(self._path, buffer_size=_WINDOW, pre_buffer=False) as file,
        ):
            yield from numbered(file.iter_batches(most, use_threads=False), most)
