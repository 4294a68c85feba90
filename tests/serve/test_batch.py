"""`sluice score` gives the model's scores for files of every format."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.package.archive import opened
from support.fixture_project import Toy
from support.serving.scoring import FORMATS, model, peak, put, records, rows, score, signature

Built = Callable[[str], Toy]


@pytest.fixture
def ready(built: Built) -> Toy:
    return built("binary")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_models_scores(ready: Toy, tmp_path: Path, name: str) -> None:
    given = rows(ready)
    assert given["visits"].null_count
    ran = score(ready, put(given, tmp_path / name), tmp_path / "out.parquet")
    assert ran.err == ""
    assert ran.out == f"1,500 rows were scored: {tmp_path / 'out.parquet'}\n"
    scored = pq.read_table(tmp_path / "out.parquet")
    expected = model(ready).score_records(records(given, signature(ready)))
    assert scored.column_names == ["row", "key", "score", "decision"]
    assert scored["row"].to_pylist() == list(range(1_500))
    assert scored["key"].to_pylist() == given["key"].to_pylist()
    assert scored["score"].to_pylist() == expected.values.tolist()
    assert scored["decision"].to_pylist() == [["no", "yes"][d] for d in expected.decisions]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", name]


def test_several_classes_have_a_score_column_each(built: Built, tmp_path: Path) -> None:
    toy = built("multiclass")
    given = rows(toy, "multiclass")
    score(toy, put(given, tmp_path / "rows.parquet"), tmp_path / "out.parquet")
    scored = pq.read_table(tmp_path / "out.parquet")
    names = ["score.low", "score.middle", "score.high"]
    assert scored.column_names == ["row", "key", *names, "decision"]
    expected = model(toy).score_records(records(given, signature(toy)))
    values = np.column_stack([scored[name].to_numpy() for name in names])
    assert (values == expected.values).all()
    assert scored["decision"].to_pylist() == [
        ["low", "middle", "high"][d] for d in expected.decisions
    ]


def test_a_regression_has_no_decision(built: Built, tmp_path: Path) -> None:
    toy = built("regression")
    given = rows(toy, "regression")
    score(toy, put(given, tmp_path / "rows.csv"), tmp_path / "out.parquet")
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.column_names == ["row", "key", "score"]
    expected = model(toy).score_records(records(given, signature(toy)))
    assert scored["score"].to_pylist() == expected.values.tolist()


def test_the_output_names_the_package(ready: Toy, tmp_path: Path) -> None:
    score(ready, put(rows(ready), tmp_path / "rows.parquet"), tmp_path / "out.parquet")
    schema = pq.read_schema(tmp_path / "out.parquet")
    with opened(ready.package) as package:
        manifest = package.manifest
    assert schema.metadata == {
        b"sluice.package": b"toy-binary",
        b"sluice.version": manifest.version.encode(),
        b"sluice.digest": manifest.digest.encode(),
    }
    assert [str(t) for t in schema.types] == ["int64", "string", "double", "string"]


def test_the_output_depends_neither_on_time_nor_on_the_batch_size(
    ready: Toy, tmp_path: Path
) -> None:
    given = rows(ready)
    broken = given.set_column(2, "slope", pa.array([1.0, float("inf"), None] * 500))
    put(broken, tmp_path / "rows.parquet")
    score(ready, tmp_path / "rows.parquet", tmp_path / "a.parquet", status=1)
    with opened(ready.package) as package:
        toy_again = ["score", str(package.folder), str(tmp_path / "rows.parquet")]
        again = ready.sluice(*toy_again, str(tmp_path / "b.parquet"), TZ="Asia/Tokyo")
    assert again.status == 1
    for end in (".parquet", ".quarantine.parquet"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes()
    more = ["--batch-rows", "7"]
    score(ready, tmp_path / "rows.parquet", tmp_path / "c.parquet", *more, status=1)
    for end in (".parquet", ".quarantine.parquet"):
        assert pq.read_table(tmp_path / f"a{end}") == pq.read_table(tmp_path / f"c{end}")


def test_the_id_and_kept_columns_keep_their_types(ready: Toy, tmp_path: Path) -> None:
    given = rows(ready, count=40)
    when = pa.array(range(40), pa.timestamp("ms", "UTC"))
    given = given.set_column(0, "key", pa.array(range(40), pa.int32()))
    given = given.append_column("when", when).append_column("tags", pa.array([["a"], []] * 20))
    put(given, tmp_path / "rows.parquet")
    more = ["--keep", "when", "--keep", "tags", "--keep", "slope", "--keep", "key"]
    score(ready, tmp_path / "rows.parquet", tmp_path / "out.parquet", *more)
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.column_names == ["row", "key", "slope", "when", "tags", "score", "decision"]
    kept = ["key", "slope", "when", "tags"]
    assert scored.select(kept).cast(given.select(kept).schema) == given.select(kept)
    assert scored.schema.field("key").type == pa.int32()


def test_output_columns_are_renamed_if_the_input_has_their_names(
    ready: Toy, tmp_path: Path
) -> None:
    given = rows(ready, count=6).append_column("row", pa.array("abcdef"))
    given = given.append_column("score", pa.array([1] * 6))
    put(given, tmp_path / "rows.parquet")
    more = ["--keep", "row", "--keep", "score"]
    score(ready, tmp_path / "rows.parquet", tmp_path / "out.parquet", *more)
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.column_names == ["row_", "key", "row", "score", "score_", "decision"]
    assert scored["row"].to_pylist() == list("abcdef")


def test_the_id_column_is_optional(ready: Toy, tmp_path: Path) -> None:
    put(rows(ready, count=9).drop_columns("key"), tmp_path / "rows.csv")
    score(ready, tmp_path / "rows.csv", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").column_names == ["row", "score", "decision"]


@pytest.mark.parametrize("glob", [False, True])
def test_several_files_are_scored_as_one_input(ready: Toy, tmp_path: Path, *, glob: bool) -> None:
    given, folder = rows(ready, count=90), tmp_path / "in"
    bad = given.slice(50, 20).set_column(2, "slope", pa.array([float("nan")] + [0.5] * 19))
    put(given.slice(0, 50), folder / "a.parquet")
    # The second file has its columns in another order.
    put(bad.select(bad.column_names[::-1]), folder / "b.parquet")
    put(given.slice(70), folder / "c.parquet")
    for name in ("_SUCCESS", ".b.crc", "_tmp/a.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("hidden")
    where = folder / "*" if glob else folder
    ran = score(ready, where, tmp_path / "out.parquet", status=1)
    assert ran.line.startswith("1 of 90 rows were refused")
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.column_names == ["row", "file", "key", "score", "decision"]
    assert scored["row"].to_pylist() == [n for n in range(90) if n != 50]
    called = [str(folder / f"{n}.parquet") if glob else f"{n}.parquet" for n in "abc"]
    assert scored["file"].to_pylist() == [called[0]] * 50 + [called[1]] * 19 + [called[2]] * 20
    (refused,) = pq.read_table(tmp_path / "out.quarantine.parquet").to_pylist()
    assert (refused["row"], refused["file"], refused["key"]) == (50, called[1], "k00050")


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow", "arrows"])
def test_an_input_without_rows_gives_an_output_without_rows(
    ready: Toy, tmp_path: Path, suffix: str
) -> None:
    put(rows(ready, count=5).slice(0, 0), tmp_path / f"rows.{suffix}")
    score(ready, tmp_path / f"rows.{suffix}", tmp_path / "out.parquet")
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored.num_rows == 0
    assert [str(t) for t in scored.schema.types] == ["int64", "string", "double", "string"]


def test_memory_does_not_grow_with_the_rows(ready: Toy, tmp_path: Path) -> None:
    part = rows(ready, count=200_000)
    used = []
    for times in (1, 10):
        given, output = tmp_path / f"{times}.parquet", tmp_path / "out.parquet"
        pq.write_table(pa.concat_tables([part] * times), given)
        used.append(peak(ready, [str(given), str(output)]))
        assert pq.read_metadata(output).num_rows == times * 200_000
    assert used[1] < used[0] * 1.5, used


def test_only_the_batch_dependencies_are_imported(ready: Toy, tmp_path: Path) -> None:
    put(rows(ready), tmp_path / "rows.csv")
    put(rows(ready), tmp_path / "rows.parquet")
    code = (
        "import sys; from sluice.cli import main;"
        "assert [main(['score', sys.argv[1], each, sys.argv[2]]) for each in sys.argv[4:]] == "
        "[0, 0];"
        "ours = {m for m in sys.modules if 'site-packages' in "
        "(getattr(sys.modules[m], '__file__', '') or '')};"
        "print('costly', *sorted({*sys.argv[3].split()} & set(sys.modules)));"
        "print('\\n', *sorted({m.partition('.')[0] for m in ours}))"
    )
    # Each takes a tenth of the time of a small file, or more.
    costly = "asyncio multiprocessing pandas pyarrow.compute pyarrow.dataset tqdm sluice.config"
    output, *inputs = (str(tmp_path / n) for n in ("out.parquet", "rows.csv", "rows.parquet"))
    given = (str(ready.package), output, costly, *inputs)
    ran = ready.run(sys.executable, "-c", code, *given).went_well()
    allowed = {"msgspec", "numpy", "onnxruntime", "pyarrow"}
    # Arrow and msgspec import the first two if they are there, and setuptools loads the third.
    imported_by_others = {"cloudpickle", "typing_extensions", "_distutils_hack"}
    assert set(ran.out.splitlines()[-1].split()) <= allowed | imported_by_others
    assert "costly" in ran.out.splitlines()


def test_progress_is_shown_on_a_terminal_only(ready: Toy, tmp_path: Path) -> None:
    put(rows(ready), tmp_path / "rows.parquet")
    seen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    command = [sys.executable, "-m", "sluice.cli", "score", str(ready.package)]
    subprocess.run(
        [*command, str(tmp_path / "rows.parquet"), str(tmp_path / "out.parquet")],
        check=True,
        env=ready.environment(),
        stderr=terminal,
        stdout=subprocess.DEVNULL,
    )
    os.close(terminal)
    said = ""
    with suppress(OSError):  # on Linux, the end of a terminal is an error
        while more := os.read(seen, 4_096).decode():
            said += more
    os.close(seen)
    assert "100%" in said
    assert "rows/s" in said
