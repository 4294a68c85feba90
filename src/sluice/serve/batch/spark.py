"""The Spark engine: the same function over the same batches, on many machines.

INPUT and OUTPUT lie where the driver and all workers see them under one path.
"""

from __future__ import annotations

import re
import shutil
import socket
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

import sluice
from sluice.errors import SluiceError
from sluice.model import read_signature
from sluice.package.archive import Package, archive, opened
from sluice.serve.batch import BATCH_ROWS
from sluice.serve.batch.column_plan import ColumnPlan, plan_columns
from sluice.serve.batch.input_files import InputFile, open_all
from sluice.serve.batch.local import BatchResult, beside, refuse_targets
from sluice.serve.batch.parquet_file import ParquetFile
from sluice.serve.batch.spark_worker import REFUSED, SCORED, schema, work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SHIPPED = "package"  # without .tar: Spark would unpack it
_PATIENCE = 5.0
# What goes wrong comes back as an exception. Spark announces that it quietens the
# gateway, unless that has the root's level already.
_QUIET = """\
rootLogger.level = fatal
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = fatal
"""


def run(
    package: Path,
    given: str,
    output: Path,
    *,
    keep: Sequence[str] = (),
    quarantine: Path | None = None,
    batch_rows: int = BATCH_ROWS,
    master: str | None = None,
) -> BatchResult:
    """Score all rows of the input into a folder of Parquet files, refused rows into another."""
    if master is None:
        raise SluiceError("--engine spark needs --master URL, such as spark://host:7077")
    aside = quarantine or beside(output)
    refuse_targets(output, aside, given)
    for path in (output, aside):
        _refuse_unless_ours(path)
    _refuse_unless_there(master)
    with opened(package) as unpacked, TemporaryDirectory(prefix="sluice-") as folder:
        scratch = Path(folder)
        signature = read_signature(unpacked.model / "signature.json")
        sources = open_all(given)
        _refuse_unless_parquet(sources)
        where = str(sources[0].path)
        held = plan_columns(signature, sources[0].file.columns, keep, where, parsed=False)
        with _session(master, batch_rows, scratch) as spark:
            spark.sparkContext.addPyFile(str(_code(scratch)))
            spark.sparkContext.addFile(str(_packed(unpacked, scratch)))
            rows, refused = _score(spark, held, sources, output, aside)
    return BatchResult(rows, refused, aside)


def _score(
    spark: SparkSession, held: ColumnPlan, sources: list[InputFile], output: Path, aside: Path
) -> tuple[int, int]:
    from pyspark import StorageLevel
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    frame = spark.read.parquet(*[source.path.absolute().as_uri() for source in sources])
    held = replace(held, columns=to_arrow_schema(frame.schema))
    # Spark would take a dot in a column's name for a path into a struct.
    numbered = frame.toDF(*[str(at) for at in range(len(frame.columns))])
    done = numbered.mapInArrow(work(held, _SHIPPED), from_arrow_schema(schema(held)))
    # Kept, or every row would be scored again for the quarantine.
    done = done.persist(StorageLevel.DISK_ONLY)
    good, bad = (done.where(done[name].isNotNull()) for name in (SCORED, REFUSED))
    try:
        scored = _write(good.select(f"{SCORED}.*"), output)
        refused = _write(bad.select(f"{REFUSED}.*"), aside)
        if refused:
            _place(aside)
        else:
            shutil.rmtree(aside, ignore_errors=True)
        _place(output)
    finally:
        for target in (output, aside):
            shutil.rmtree(_part(target), ignore_errors=True)
    return scored + refused, refused


def _part(target: Path) -> Path:
    return target.absolute().with_name(f".{target.name}.part")


def _write(frame: DataFrame, target: Path) -> int:
    """Returns the number of rows."""
    frame.write.mode("overwrite").parquet(_part(target).as_uri())
    return sum(pq.read_metadata(file).num_rows for file in _part(target).glob("*.parquet"))


def _place(target: Path) -> None:
    """A folder cannot be renamed over a full one: an earlier result steps aside first."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    _part(target).rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _refuse_unless_ours(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise SluiceError(f"{path}: cannot be written: no such folder")
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not _is_result(path)):
        raise SluiceError(f"{path}: is there and is no result of Spark's; name another folder")


def _refuse_unless_there(master: str) -> None:
    """Spark itself would try for a minute, and then not say which master."""
    asked = re.findall(r"(?:spark://|,)([^,:]+):(\d+)", master)
    if asked and not any(_answers(host, int(port)) for host, port in asked):
        raise SluiceError(f"{master}: no master answers")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except (OSError, OverflowError):
        return False
    return True


def _is_result(folder: Path) -> bool:
    return (folder / "_SUCCESS").is_file()


def _refuse_unless_parquet(sources: list[InputFile]) -> None:
    for source in sources:
        if not isinstance(source.file, ParquetFile):
            raise SluiceError(f"{source.path}: with --engine spark, the input is Parquet")


def _packed(package: Package, scratch: Path) -> Path:
    contents = {path: (package.folder / path).read_bytes() for path in package.manifest.files}
    target = scratch / _SHIPPED
    target.write_bytes(archive(contents, package.manifest))
    return target


def _code(scratch: Path) -> Path:
    """This machinery, for workers that have only what it needs."""
    root, target = Path(sluice.__file__).parent, scratch / "sluice.zip"
    with zipfile.ZipFile(target, "w") as whole:
        for path in sorted(root.rglob("*.py")):
            whole.write(path, path.relative_to(root.parent))
    return target


@contextmanager
def _session(master: str, batch_rows: int, scratch: Path) -> Iterator[SparkSession]:
    try:
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SluiceError("--engine spark needs PySpark: pip install '.[spark]'") from None
    quiet = scratch / "log4j2.properties"
    quiet.write_text(_QUIET, "utf-8")
    settings: dict[str, bool | float | int | str | None] = {
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet.as_uri()}",
        "spark.sql.caseSensitive": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(batch_rows),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    # PySpark has its doubts about the pandas at hand, of which mapInArrow uses nothing.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    builder = SparkSession.builder.master(master).appName("sluice score")
    try:
        spark = builder.config(map=settings).getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()
    except (PySparkException, Py4JError) as error:
        raise SluiceError(f"Spark: {_in_a_line(str(error))}") from None


def _in_a_line(said: str) -> str:
    """What Python said in a worker, if it did, or else the first line of the driver."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    python = [line for line in lines if re.match(r"(sluice\.\S+|\w+)Error: ", line)]
    return (python or lines or ["no word"])[0]
