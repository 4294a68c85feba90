"""CSV files. Every cell is text, and only the rows with too many or too few cells are refused."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from sluice import csv_dialect
from sluice.metrics import Ints
from sluice.serve.batch.row_file import RaggedRow, RowBatch, reading

_BLOCK = 2**22
_FIRST = 2  # the number that Arrow gives to the first row after the header


class CsvFile:
    """A CSV file with a header; raises SluiceError if the header cannot be read.

    names: the expected columns, by which the delimiter is recognised.
    """

    parsed = True
    rows: int | None = None

    def __init__(self, path: Path, names: Collection[str]) -> None:
        self._path = path
        with reading(path, "CSV"):
            self._delimiter = csv_dialect.delimiter(csv_dialect.sample(path), names)
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.reader(file, delimiter=self._delimiter)
                header = next((cells for cells in rows if cells), [])
        self.columns = pa.schema([(name, pa.string()) for name in header])

    def batches(self, most: int) -> Iterator[RowBatch]:
        """Read in batches of at most this many rows, with ragged rows listed separately."""
        ragged: list[RaggedRow] = []

        def keep_apart(found: pa_csv.InvalidRow) -> str:
            counts = f"expected {found.expected_columns} cells, found {found.actual_columns}"
            ragged.append(RaggedRow(found.number - _FIRST, f"{counts}: {found.text!r}"))
            return "skip"

        first = 0
        with reading(self._path, "CSV"), self._reader(keep_apart) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, most):
                    cut = batch.slice(start, most)
                    rows = _positions(first, cut.num_rows, ragged)
                    first = int(rows[-1]) + 1
                    passed = [each for each in ragged if each.row < first]
                    del ragged[: len(passed)]
                    yield RowBatch(cut, rows, passed)
            if ragged:
                nothing = [pa.nulls(0, pa.string())] * len(self.columns)
                batch = pa.RecordBatch.from_arrays(nothing, schema=self.columns)
                yield RowBatch(batch, np.arange(0), ragged)

    def _reader(self, keep_apart: object) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            self._path,
            # With threads, Arrow does not number the rows.
            pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
            pa_csv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                invalid_row_handler=keep_apart,
            ),
            pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in self.columns.names},
                strings_can_be_null=False,
            ),
        )


def _positions(first: int, count: int, ragged: list[RaggedRow]) -> Ints:
    """The next `count` positions in the file, without those of ragged rows."""
    taken = [each.row for each in ragged]
    free = np.setdiff1d(np.arange(first, first + count + len(taken)), taken, assume_unique=True)
    return free[:count]
