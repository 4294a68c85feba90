"""A file of rows: Parquet, Arrow or CSV, read in batches without holding all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from sluice.errors import SluiceError
from sluice.metrics import Ints


class RaggedRow(NamedTuple):
    """A row of a CSV file with more or fewer cells than the header."""

    row: int
    problem: str


@dataclass(frozen=True)
class RowBatch:
    """A batch, and where its rows stand in the file; ragged rows stand beside it."""

    batch: pa.RecordBatch
    rows: Ints
    ragged: list[RaggedRow] = field(default_factory=list)


class RowFile(Protocol):
    """columns: the schema; rows: how many, where the file says so; parsed: numbers are text."""

    columns: pa.Schema
    rows: int | None
    parsed: bool

    def batches(self, most: int) -> Iterator[RowBatch]:
        """At most so many rows at a time."""


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SluiceError(f"{path}: no such file") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SluiceError(f"{path}: not reading as {kind}: {said}") from None


def numbered(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[RowBatch]:
    """Batches cut to size, with their places in the file."""
    first = 0
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            cut = batch.slice(start, most)
            yield RowBatch(cut, np.arange(first, first + cut.num_rows))
            first += cut.num_rows
