"""Spark gives the same results as one machine, on a real cluster of a master and two workers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.model import NO_SCORE, NOT_FINITE
from support.fixture_project import Toy
from support.serving import any_values
from support.serving.scoring import hidden, put, rows, score
from support.spark import Cluster

pytestmark = pytest.mark.xdist_group("spark")


# Java prints these lines before Spark's settings apply.
_JAVA = ("WARNING: Using incubator modules", "Picked up JAVA_TOOL_OPTIONS")


@pytest.fixture
def ready(built: Callable[[str], Toy]) -> Toy:
    return built("multiclass")


def _read(folder: Path) -> pa.Table:
    return pq.ParquetDataset(folder).read().sort_by("key")


@pytest.mark.long
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
    before = cluster.applications()
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
    assert all(now - then for now, then in zip(cluster.applications(), before, strict=True))

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
    refused("must be given together", file)
    down = "spark://127.0.0.1:9"
    refused(f"--master {down}: no Spark master answers", file, "--master", down)
    csv = put(rows(ready, "multiclass", 9), tmp_path / "rows.csv")
    refused("rows.csv: --engine spark reads Parquet files only", csv, *master)
    bad = put(rows(ready, "multiclass", 9).drop_columns("slope"), tmp_path / "bad.parquet")
    refused("bad.parquet: column 'slope' is missing", bad, *master)
    (output / "mine").mkdir(parents=True)
    (output / "_SUCCESS").touch()  # the result of another program that uses Spark
    refused("out: exists and is not an earlier result of 'sluice score'", file, *master)
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
    assert ran.err == "sluice: --engine spark needs PySpark: pip install --editable '.[spark]'\n"
