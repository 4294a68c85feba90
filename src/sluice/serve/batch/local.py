"""The local engine: one pass over the input, in batches, on one machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from sluice.errors import SluiceError
from sluice.metrics import Ints
from sluice.model import Model
from sluice.package.archive import Package, opened
from sluice.serve.batch import BATCH_ROWS
from sluice.serve.batch.arrays import choose, integers, texts
from sluice.serve.batch.column_plan import ColumnPlan, plan_columns
from sluice.serve.batch.input_files import InputFile, open_all, refuse_within
from sluice.serve.batch.row_file import RaggedRow, RowBatch
from sluice.serve.batch.score import score
from sluice.serve.batch.sink import ParquetSink


@dataclass(frozen=True)
class BatchResult:
    rows: int
    refused: int
    quarantine: Path


def run(
    package: Path,
    given: str,
    output: Path,
    *,
    keep: Sequence[str] = (),
    quarantine: Path | None = None,
    batch_rows: int = BATCH_ROWS,
) -> BatchResult:
    """Score all rows of the input into one Parquet file, refused rows into another."""
    aside = quarantine or beside(output)
    refuse_targets(output, aside, given)
    for path in (output, aside):
        if path.suffix != ".parquet" or path.is_dir():
            raise SluiceError(f"{path}: expected the name of a file that ends in .parquet")
    with opened(package) as unpacked:
        model = Model(unpacked.model)
        sources = open_all(given)
        file = sources[0].file
        held = plan_columns(
            model.signature, file.columns, keep, str(sources[0].path), parsed=file.parsed
        )
        places = _RowOrigins(held, sources)
        scored = places.schema(held.scored).with_metadata(described(unpacked))
        with (
            ParquetSink(output, scored) as good,
            ParquetSink(aside, places.schema(held.refused)) as bad,
        ):
            _pour(model, places, good, bad, batch_rows)
            # The output comes last: where it is new, all of it is.
            if bad.rows:
                bad.commit()
            else:
                bad.withdraw()
            good.commit()
    return BatchResult(good.rows + bad.rows, bad.rows, aside)


def beside(output: Path) -> Path:
    return output.with_name(f"{output.stem}.quarantine.parquet")


def refuse_targets(output: Path, quarantine: Path, given: str) -> None:
    if output.absolute() == quarantine.absolute():
        raise SluiceError(f"{output}: is the quarantine too; name two files")
    for path in (output, quarantine):
        refuse_within(path, given)


def described(package: Package) -> dict[str, str]:
    """What the file itself says of where its scores come from."""
    manifest = package.manifest
    return {
        "sluice.package": manifest.name,
        "sluice.version": manifest.version,
        "sluice.digest": manifest.digest,
    }


def _pour(
    model: Model, places: _RowOrigins, good: ParquetSink, bad: ParquetSink, batch_rows: int
) -> None:
    counts = [source.file.rows for source in places.sources]
    total = None if None in counts else sum(filter(None, counts))
    first = 0
    with tqdm(total=total, unit=" rows", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        for at, source in enumerate(places.sources):
            rows = 0
            for piece in _ahead(source.file.batches(batch_rows)):
                try:
                    done = score(model, places.plan, piece.batch.select(places.plan.columns.names))
                except UnicodeDecodeError:
                    raise SluiceError(f"{source.path}: holds text that is not UTF-8") from None
                good.write(places.add(done.scored, first + piece.rows[done.good], at))
                bad.write(places.add(done.refused, first + piece.rows[done.bad], at))
                bad.write(places.ragged(piece.ragged, first, at))
                seen = len(piece.rows) + len(piece.ragged)
                rows += seen
                bar.update(seen)
            first += rows


def _ahead(pieces: Iterator[RowBatch]) -> Iterator[RowBatch]:
    """The next batch is read while one is scored; never more than that one."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


@dataclass(frozen=True)
class _RowOrigins:
    """The columns that say where a row came from; of one file, nobody asks which."""

    plan: ColumnPlan
    sources: list[InputFile]

    def schema(self, rest: pa.Schema) -> pa.Schema:
        row = pa.field(self.plan.own("row"), pa.int64(), nullable=False)
        file = pa.field(self.plan.own("file"), pa.string(), nullable=False)
        own = [row, file] if len(self.sources) > 1 else [row]
        return pa.schema([*own, *rest])

    def add(self, rest: pa.RecordBatch, rows: Ints, at: int) -> pa.RecordBatch:
        own = [integers(rows)]
        if len(self.sources) > 1:
            own.append(choose([self.sources[at].name], np.zeros(len(rows), np.int64)))
        return pa.RecordBatch.from_arrays([*own, *rest.columns], schema=self.schema(rest.schema))

    def ragged(self, found: list[RaggedRow], first: int, at: int) -> pa.RecordBatch:
        held = [pa.nulls(len(found), type_) for type_ in self.plan.refused.types]
        problems = texts([each.problem for each in found])
        rest = pa.RecordBatch.from_arrays([*held[:-1], problems], schema=self.plan.refused)
        return self.add(rest, np.array([first + each.row for each in found], np.int64), at)
