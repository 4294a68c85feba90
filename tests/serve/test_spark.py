"""Spark gives the same results as one machine, on a real cluster of a master and two workers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

from sluice.model import NO_SCORE, NOT_FINITE
from support.fixture_project import Toy
from support.serving import any_values
from support.serving.scoring import hidden, put, rows, score

pytestmark = pytest.mark.xdist_group("spark")

SPARK = Path(pyspark.__file__).parent
SECONDS = 120
# Short runs do not benefit from Java's optimizing compiler.
QUICK = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
# Java prints these lines before Spark's settings apply.
_JAVA = ("WARNING: Using incubator modules", "Picked up JAVA_TOOL_OPTIONS")


@dataclass(frozen=True)
class Cluster:
    url: str
    workers: list[Path]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    assert shutil.which("java"), "Java 17 is not installed, which Spark needs"
    root = tmp_path_factory.mktemp("spark")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"spark://127.0.0.1:{free.getsockname()[1]}"
    python = str(_bare_python(root))
    environment = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": python, **QUICK}
    workers = [root / "worker-0", root / "worker-1"]
    with ExitStack() as running:
        port = url.rpartition(":")[2]
        running.enter_context(_daemon(root / "master", "master.Master", "--port", port))
        for folder in workers:
            more = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder), url]
            running.enter_context(_daemon(folder, "worker.Worker", *more))
        for folder in workers:
            _wait_for("Successfully registered with master", folder / "log.txt")
        yield Cluster(url, workers, environment)


@contextmanager
def _daemon(folder: Path, name: str, *more: str) -> Iterator[None]:
    folder.mkdir()
    command = [str(SPARK / "bin/spark-class"), f"org.apache.spark.deploy.{name}"]
    own = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_HOME": str(SPARK),
    }
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--webui-port", "0", *more],
            env={**os.environ, **QUICK, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(line: str, log: Path) -> None:
    until = time.monotonic() + SECONDS
    while line not in log.read_text():
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.1)


def _bare_python(root: Path) -> Path:
    """A Python with the libraries that a worker needs, but without pandas, tqdm and sluice."""
    site = Path(np.__file__).parents[1]
    (root / "site").mkdir()
    for name in ("msgspec", "numpy", "numpy.libs", "onnxruntime", "pyarrow", "pyarrow.libs"):
        if (site / name).exists():
            (root / "site" / name).symlink_to(site / name)
    python = root / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{root}/site" exec {sys.executable} -S "$@"\n'
    )
    python.chmod(0o755)
    return python


@pytest.fixture
def ready(built: Callable[[str], Toy]) -> Toy:
    return built("multiclass")


def _read(folder: Path) -> pa.Table:
    return pq.ParquetDataset(folder).read().sort_by("key")


def test_spark_gives_the_same_rows_as_one_machine(
    ready: Toy, tmp_path: Path, cluster: Cluster
) -> None:
    package = any_values.write_package(ready.package, tmp_path)
    given = any_values.table(any_values.records(4_000, 2))
    given = given.append_column("a.note", pa.array([None, "x"] * 2_000))
    for at in range(4):
        put(given.slice(at * 1_000, 1_000), tmp_path / f"in/{at}.parquet")
    keep = ["--keep", "a.note"]
    alone = score(
        ready, tmp_path / "in", tmp_path / "local.parquet", *keep, status=1, package=package
    )
    on_spark = ["--engine", "spark", "--master", cluster.url, "--batch-rows", "300"]
    output = tmp_path / "spark.parquet"
    ran = score(
        ready,
        tmp_path / "in",
        output,
        *keep,
        *on_spark,
        status=1,
        package=package,
        **cluster.environment,
    )
    aside = tmp_path / "spark.quarantine.parquet"
    assert ran.line == alone.line.replace("local.quarantine", "spark.quarantine")
    assert ran.out == ""
    said = [line for line in ran.err.splitlines() if not line.startswith(_JAVA)]
    assert said == [f"sluice: {ran.line}"]
    for folder, name in ((output, "local.parquet"), (aside, "local.quarantine.parquet")):
        expected = _read(tmp_path / name).drop_columns(["row", "file"])
        got = _read(folder)
        assert got.column_names == expected.column_names
        assert got.equals(expected.cast(got.schema))
    assert len(list(output.glob("part-*.parquet"))) > 1
    assert set(_read(aside)["problem"].to_pylist()) == {NO_SCORE, NOT_FINITE}
    # Both workers took part.
    assert all(list(folder.glob("app-*/*/stderr")) for folder in cluster.workers)

    good = given.set_column(1, "x", pa.array([1.5] * 4_000)).drop_columns("y")
    good = good.append_column("y", pa.nulls(4_000, pa.float64()))
    more = [*keep, "--engine", "spark", "--master", "local[1]"]
    put(good, tmp_path / "good.parquet")
    ran = score(
        ready, tmp_path / "good.parquet", output, *more, package=package, **cluster.environment
    )
    assert ran.out == f"4,000 rows were scored: {output}\n"
    assert _read(output).num_rows == 4_000
    assert not aside.exists()
    assert hidden(tmp_path) == []


def test_bad_input_is_refused_before_spark_starts(ready: Toy, tmp_path: Path) -> None:
    output = tmp_path / "out"

    def refused(why: str, given: Path, *more: str) -> None:
        known = sorted(tmp_path.rglob("*"))
        ran = score(ready, given, output, "--engine", "spark", *more, status=2)
        assert why in ran.line
        assert ran.err == f"sluice: {ran.line}\n"
        assert sorted(tmp_path.rglob("*")) == known

    file = put(rows(ready, "multiclass", 9), tmp_path / "rows.parquet")
    master = ["--master", "local[1]"]
    refused("--engine spark needs --master URL", file)
    down = "spark://127.0.0.1:9"
    refused(f"--master {down}: no Spark master answers", file, "--master", down)
    csv = put(rows(ready, "multiclass", 9), tmp_path / "rows.csv")
    refused("rows.csv: --engine spark reads Parquet files only", csv, *master)
    bad = put(rows(ready, "multiclass", 9).drop_columns("slope"), tmp_path / "bad.parquet")
    refused("bad.parquet: column 'slope' is missing", bad, *master)
    (output / "mine").mkdir(parents=True)
    (output / "_SUCCESS").touch()  # the result of another program that uses Spark
    refused("out: exists and is no earlier result of 'sluice score'", file, *master)
    (output / "_sluice").touch()  # an earlier result may be replaced, so the next check is reached
    refused(f"--master {down}: no Spark master answers", file, "--master", down)
    output = tmp_path / "none/out"
    refused("out: cannot be written: its parent folder does not exist", file, *master)


def test_missing_java_is_reported(ready: Toy, tmp_path: Path) -> None:
    file = put(rows(ready, "multiclass", 9), tmp_path / "rows.parquet")
    more = ["--engine", "spark", "--master", "local[1]"]
    ran = score(ready, file, tmp_path / "out", *more, status=2, JAVA_HOME=str(tmp_path))
    assert ran.line.startswith("Spark: ")
    assert not (tmp_path / "out").exists()


def test_missing_pyspark_is_reported(ready: Toy, tmp_path: Path) -> None:
    file = put(rows(ready, "multiclass", 9), tmp_path / "rows.parquet")
    code = (
        "import sys; sys.modules['pyspark'] = sys.modules['py4j'] = None;"
        "from sluice.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = ["score", str(ready.package), str(file), str(tmp_path / "out")]
    more = ["--engine", "spark", "--master", "local[1]"]
    ran = ready.run(sys.executable, "-c", code, *command, *more)
    assert ran.status == 2
    assert ran.err == "sluice: --engine spark needs PySpark: pip install '.[spark]'\n"
