"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from sluice.serve.batch.files import Piece, counted, readable

# A column is read through a window of this size: without it a row group is held whole.
_WINDOW = 2**20


class ParquetFile:
    parsed = False

    def __init__(self, path: Path) -> None:
        self._path = path
        with readable(path, "Parquet"), pq.ParquetFile(path) as file:
            self.columns = file.schema_arrow
            self.rows: int | None = file.metadata.num_rows

    def pieces(self, most: int) -> Iterator[Piece]:
        with (
            readable(self._path, "Parquet"),
            pq.ParquetFile(self._path, buffer_size=_WINDOW, pre_buffer=False) as file,
        ):
            yield from counted(file.iter_batches(most, use_threads=False), most)
