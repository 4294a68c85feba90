"""The local engine: one pass over the input, in batches, on one machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from sluice.errors import SluiceError
from sluice.metrics import Ints
from sluice.model import Model
from sluice.package.archive import Package, opened
from sluice.serve.batch import BATCH_ROWS
from sluice.serve.batch.arrays import choose, integers, texts
from sluice.serve.batch.column_plan import ColumnPlan, plan_columns
from sluice.serve.batch.input_files import InputFile, open_all
from sluice.serve.batch.output import (
    PACKAGE,
    BatchResult,
    default_quarantine,
    refuse_foreign,
    refuse_targets,
)
from sluice.serve.batch.row_file import RaggedRow, RowBatch
from sluice.serve.batch.score import score
from sluice.serve.batch.sink import ParquetSink


def run(
    package: Path,
    given: str,
    output: Path,
    *,
    keep: Sequence[str] = (),
    quarantine: Path | None = None,
    batch_rows: int = BATCH_ROWS,
) -> BatchResult:
    """Score all rows of the input into one Parquet file, and put refused rows into another.

    given: a file, a folder or a glob pattern. keep: columns to carry over to the output.
    Raises SluiceError, and writes nothing, for any problem that does not concern single rows.
    """
    quarantine = quarantine or default_quarantine(output)
    refuse_targets(output, quarantine, given)
    for path in (output, quarantine):
        if path.suffix != ".parquet" or path.is_dir():
            raise SluiceError(f"{path}: expected a file name that ends in .parquet")
        refuse_foreign(path)
    with opened(package, ["model"]) as unpacked:
        model = Model(unpacked.model)
        inputs = open_all(given, [*model.signature.numbers, *model.signature.categories])
        file = inputs[0].file
        plan = plan_columns(
            model.signature, file.columns, keep, str(inputs[0].path), parsed=file.parsed
        )
        origins = _RowOrigins(plan, inputs)
        scored, refused = (
            origins.schema(part).with_metadata(described(unpacked))
            for part in (plan.scored, plan.refused)
        )
        with ParquetSink(output, scored) as good, ParquetSink(quarantine, refused) as bad:
            _score_all(model, origins, good, bad, batch_rows)
            # The output comes last: once it exists, the quarantine is complete too.
            if bad.rows:
                bad.commit()
            else:
                bad.withdraw()
            good.commit()
    return BatchResult(good.rows + bad.rows, bad.rows, quarantine)


def described(package: Package) -> dict[str, str]:
    """The metadata of both files, which names the package that gave the scores."""
    manifest = package.manifest
    return {
        PACKAGE: manifest.name,
        "sluice.version": manifest.version,
        "sluice.digest": manifest.digest,
    }


def _score_all(
    model: Model, origins: _RowOrigins, good: ParquetSink, bad: ParquetSink, batch_rows: int
) -> None:
    plan = origins.plan
    counts = [each.file.rows for each in origins.inputs]
    total = None if None in counts else sum(filter(None, counts))
    first = 0  # the position of the file's first row in the whole input
    with _progress(total) as scored:
        for at, source in enumerate(origins.inputs):
            rows = 0
            for read in _read_ahead(source.file.batches(batch_rows)):
                try:
                    done = score(model, plan, read.batch.select(plan.columns.names))
                except UnicodeDecodeError:
                    raise SluiceError(
                        f"{source.path}: contains text that is not valid UTF-8"
                    ) from None
                good.write(origins.add(done.scored, first + read.rows[done.scored_at], at))
                bad.write(origins.add(done.refused, first + read.rows[done.refused_at], at))
                bad.write(origins.ragged(read.ragged, first, at))
                count = len(read.rows) + len(read.ragged)
                rows += count
                scored(count)
            first += rows


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int], object]]:
    """A function that is called with the number of further rows; it moves a bar on a terminal."""
    if not sys.stderr.isatty():
        yield int
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=" rows", unit_scale=True) as bar:
        yield bar.update


def _read_ahead(batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
    """Read only the next batch while a batch is scored."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


@dataclass(frozen=True)
class _RowOrigins:
    """Adds the columns that say where a row came from: its number, and its file if there are
    several.
    """

    plan: ColumnPlan
    inputs: list[InputFile]

    def schema(self, rest: pa.Schema) -> pa.Schema:
        row = pa.field(self.plan.own("row"), pa.int64(), nullable=False)
        file = pa.field(self.plan.own("file"), pa.string(), nullable=False)
        own = [row, file] if len(self.inputs) > 1 else [row]
        return pa.schema([*own, *rest])

    def add(self, rest: pa.RecordBatch, rows: Ints, at: int) -> pa.RecordBatch:
        """rows: [n] row numbers. at: the index of the file."""
        own = [integers(rows)]
        if len(self.inputs) > 1:
            own.append(choose([self.inputs[at].name], np.zeros(len(rows), np.int64)))
        return pa.RecordBatch.from_arrays([*own, *rest.columns], schema=self.schema(rest.schema))

    def ragged(self, rows: list[RaggedRow], first: int, at: int) -> pa.RecordBatch:
        """Ragged rows as refused rows, with the problem but no values."""
        empty = [pa.nulls(len(rows), type_) for type_ in self.plan.refused.types]
        problems = texts([each.problem for each in rows])
        rest = pa.RecordBatch.from_arrays([*empty[:-1], problems], schema=self.plan.refused)
        return self.add(rest, np.array([first + each.row for each in rows], np.int64), at)
