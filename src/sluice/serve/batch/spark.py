"""The Spark engine: scores batches with the same function, on many machines.

INPUT and OUTPUT must have the same path on the driver and all workers.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from sluice.errors import SluiceError
from sluice.package.archive import Package, archive, opened
from sluice.serve.batch import BATCH_ROWS, spark_session
from sluice.serve.batch.column_plan import ColumnPlan, plan_columns
from sluice.serve.batch.input_files import InputFile, open_all
from sluice.serve.batch.output import BatchResult, default_quarantine, refuse_targets
from sluice.serve.batch.parquet_file import ParquetFile
from sluice.serve.batch.spark_worker import REFUSED, SCORED, schema, work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SHIPPED = "package"  # not .tar, which Spark would unpack
# This file marks a folder as a result; Spark ignores names that begin like this.
_MARKER = "_sluice"


def run(
    package: Path,
    given: str,
    output: Path,
    *,
    keep: Sequence[str] = (),
    quarantine: Path | None = None,
    batch_rows: int = BATCH_ROWS,
    master: str,
) -> BatchResult:
    """Score all rows of the input into a folder of Parquet files; refused rows go to another
    folder.

    master: the URL of Spark's master. Other arguments, result and errors are those of the
    local engine.
    """
    quarantine = quarantine or default_quarantine(output)
    refuse_targets(output, quarantine, given)
    for path in (output, quarantine):
        _refuse_unless_ours(path)
    spark_session.require_reachable(master)
    with opened(package) as unpacked, TemporaryDirectory(prefix="sluice-") as folder:
        scratch = Path(folder)
        signature = unpacked.signature
        inputs = open_all(given, [*signature.numbers, *signature.categories])
        _refuse_unless_parquet(inputs)
        where = str(inputs[0].path)
        columns = plan_columns(signature, inputs[0].file.columns, keep, where, parsed=False)
        rows_of_batch = {"spark.sql.execution.arrow.maxRecordsPerBatch": str(batch_rows)}
        with spark_session.opened(master, scratch, "sluice score", rows_of_batch) as spark:
            spark.sparkContext.addFile(str(_packed(unpacked, scratch)))
            rows, refused = _score(spark, columns, inputs, output, quarantine)
    return BatchResult(rows, refused, quarantine)


def _score(
    spark: SparkSession, plan: ColumnPlan, inputs: list[InputFile], output: Path, quarantine: Path
) -> tuple[int, int]:
    """Return the number of all rows and of the refused ones."""
    from pyspark import StorageLevel
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    frame = spark.read.parquet(*[source.path.absolute().as_uri() for source in inputs])
    plan = replace(plan, columns=to_arrow_schema(frame.schema))
    # Columns are named by numbers, because Spark reads a dot in a name as a path into a struct.
    numbered = frame.toDF(*[str(at) for at in range(len(frame.columns))])
    done = numbered.mapInArrow(work(plan, _SHIPPED), from_arrow_schema(schema(plan)))
    # Without this, Spark scores every row a second time for the quarantine.
    done = done.persist(StorageLevel.DISK_ONLY)
    good, bad = (done.where(done[name].isNotNull()) for name in (SCORED, REFUSED))
    try:
        scored = _write(good.select(f"{SCORED}.*"), output)
        refused = _write(bad.select(f"{REFUSED}.*"), quarantine)
        if refused:
            _place(quarantine)
        else:
            shutil.rmtree(quarantine, ignore_errors=True)
        _place(output)
    finally:
        for target in (output, quarantine):
            shutil.rmtree(_part(target), ignore_errors=True)
    return scored + refused, refused


def _part(target: Path) -> Path:
    return target.absolute().with_name(f".{target.name}.part")


def _write(frame: DataFrame, target: Path) -> int:
    """Returns the number of rows."""
    frame.write.mode("overwrite").parquet(_part(target).as_uri())
    return sum(pq.read_metadata(file).num_rows for file in _part(target).glob("*.parquet"))


def _place(target: Path) -> None:
    """Move an earlier result away first, because a folder cannot replace one that is not empty."""
    (_part(target) / _MARKER).touch()
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    _part(target).rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _refuse_unless_ours(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise SluiceError(f"{path}: cannot be written: its parent folder does not exist")
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not _is_result(path)):
        raise SluiceError(
            f"{path}: exists and is not an earlier result of 'sluice score'; name another folder"
        )


def _is_result(folder: Path) -> bool:
    return (folder / _MARKER).is_file()


def _refuse_unless_parquet(inputs: list[InputFile]) -> None:
    for source in inputs:
        if not isinstance(source.file, ParquetFile):
            raise SluiceError(f"{source.path}: --engine spark reads Parquet files only")


def _packed(package: Package, scratch: Path) -> Path:
    """The package as one file to ship to the workers."""
    target = scratch / _SHIPPED
    target.write_bytes(archive(package.contents(), package.manifest))
    return target
