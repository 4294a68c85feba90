"""The common interface of all input formats: a file is read in batches of rows."""

from __future__ import annotations

import csv
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
    """A row of a CSV file that has more or fewer cells than the header."""

    row: int
    problem: str


@dataclass(frozen=True)
class RowBatch:
    """A batch of a file's rows.

    rows: [n] the position of each row in the file, from 0. ragged: the ragged rows
    that come before the batch's last row.
    """

    batch: pa.RecordBatch
    rows: Ints
    ragged: list[RaggedRow] = field(default_factory=list)


class RowFile(Protocol):
    """An input file of any format.

    columns: its schema. rows: how many it has, None if the format does not say.
    parsed: whether numbers are still text, as in CSV.
    """

    columns: pa.Schema
    rows: int | None
    parsed: bool

    def batches(self, most: int) -> Iterator[RowBatch]:
        """Read the file in batches of at most this many rows; raises SluiceError."""


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Convert errors while a file is read to SluiceError. kind: the format's name."""
    try:
        yield
    except FileNotFoundError:
        raise SluiceError(f"{path}: no such file") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SluiceError(f"{path}: not readable as {kind}: {reason}") from None


def numbered(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[RowBatch]:
    """Batches of at most this many rows, with their positions in the file."""
    first = 0
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            cut = batch.slice(start, most)
            yield RowBatch(cut, np.arange(first, first + cut.num_rows))
            first += cut.num_rows
