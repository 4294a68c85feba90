"""Read the data file or folder of files in batches or by columns, so that it need not fit in
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice import table
from sluice.config import Column
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame

BATCH = 250_000  # rows
WHOLE = 1_000_000  # the most rows of a table that is read at once


@dataclass(frozen=True)
class RawTable:
    """A table with unchecked values, as `sluice.table.read_raw` reads it.

    names: the names of all its columns. rows: the number of rows; None for CSV, which would have to
    be read to count them.
    """

    path: Path
    columns: dict[str, Column]
    names: tuple[str, ...] = ()
    rows: int | None = None

    @classmethod
    def of(cls, path: Path, columns: dict[str, Column]) -> RawTable:
        """Raises SluiceError if a file is missing, is not a table, or has other columns."""
        found = table.parts(path)
        if any(part.suffix != ".parquet" for part in found):
            return cls(path, columns)
        footers = [_footer(part) for part in found]
        table.require_same_columns(found, [names for names, _ in footers])
        return cls(path, columns, footers[0][0], sum(rows for _, rows in footers))

    @property
    def large(self) -> bool:
        """Whether the table is too large to be read at once."""
        return self.rows is not None and self.rows > WHOLE

    def whole(self) -> DataFrame:
        """All rows and columns."""
        return table.read_raw(self.path, self.columns)

    def only(self, names: list[str]) -> DataFrame:
        """All rows of some columns of a large table."""
        import pandas as pd

        frames = [self._read(part, names) for part in table.parts(self.path)]
        return pd.concat(frames, ignore_index=True)

    def batches(self, names: list[str] | None = None) -> Iterator[DataFrame]:
        """The rows in order, with all columns or some. A table that is not large is one batch.

        The type of a column may differ between batches, because some have no missing values.
        """
        if not self.large:
            frame = self.whole()
            yield frame if names is None else frame[names]
            return
        for part in table.parts(self.path):
            for start, rows in _slices(part):
                yield self._read(part, names, start, rows)

    def _read(
        self, part: Path, names: list[str] | None, start: int = 0, rows: int | None = None
    ) -> DataFrame:
        """Some rows of a part: this many of its row groups (`rows`), from `start` on."""
        import pyarrow as pa

        try:
            file = _open(part)
            groups = range(start, file.num_row_groups if rows is None else start + rows)
            frame = file.read_row_groups(list(groups), columns=names).to_pandas()
        except (ValueError, OSError, NotImplementedError, pa.ArrowException) as error:
            raise _unreadable(part, error) from None
        return table.without_words(frame, self.columns)


def _slices(part: Path) -> Iterator[tuple[int, int]]:
    """Successive row groups of a file that form a batch: the first one and their number."""
    meta = _open(part).metadata
    start = rows = 0
    for group in range(meta.num_row_groups):
        rows += meta.row_group(group).num_rows
        if rows >= BATCH:
            yield start, group + 1 - start
            start, rows = group + 1, 0
    if start < meta.num_row_groups:
        yield start, meta.num_row_groups - start


def _footer(part: Path) -> tuple[tuple[str, ...], int]:
    """The names of the columns, and the number of rows."""
    import pyarrow as pa

    try:
        file = _open(part)
    except FileNotFoundError:
        raise SluiceError(
            f"{part} is missing: run 'dvc pull', or correct data.file in params.yaml"
        ) from None
    except (ValueError, OSError, pa.ArrowException) as error:
        raise _unreadable(part, error) from None
    rows = file.metadata.num_rows
    if not rows:
        raise SluiceError(f"{part} has no rows")
    return tuple(file.schema_arrow.empty_table().to_pandas().columns), rows


def _open(part: Path) -> Any:
    from pyarrow.parquet import ParquetFile

    return ParquetFile(part)


def _unreadable(part: Path, error: Exception) -> SluiceError:
    reason = str(error).strip().splitlines()[0]
    return SluiceError(f"{part} is not a readable table: {reason}")
