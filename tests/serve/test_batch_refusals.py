"""An input that cannot be scored is refused in one line, and no file changes."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.fixture_project import Toy
from support.serving.scoring import hidden, put, put_earlier_result, rows, score, start


@pytest.fixture
def ready(built: Callable[[str], Toy]) -> Toy:
    return built("binary")


@pytest.fixture
def refused(ready: Toy, tmp_path: Path) -> Callable[..., None]:
    """Asserts that the command prints `why`, and that it changes no file."""

    def check(why: str, given: object, *more: str, output: str = "out.parquet") -> None:
        target = tmp_path / output
        before = put_earlier_result(target) if target.is_file() else b""
        known = sorted(tmp_path.rglob("*"))
        ran = score(ready, given, target, *more, status=2)
        assert why in ran.line
        assert ran.out == ""
        assert ran.err == f"sluice: {ran.line}\n"
        assert sorted(tmp_path.rglob("*")) == known
        assert not before or target.read_bytes() == before

    return check


Refused = Callable[..., None]


def test_wrong_columns_are_refused(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    given = rows(ready, count=20)
    (tmp_path / "out.parquet").touch()
    file = put(given.drop_columns("slope"), tmp_path / "a.parquet")
    refused(f"{file}: column 'slope' is missing", file)
    surplus = given.append_column("late", given["slope"])
    file = put(surplus, tmp_path / "b.csv")
    refused(f"{file}: column 'late' is not an input of this model; pass --keep late", file)
    refused("--keep: column 'lade' is missing", file, "--keep", "lade")
    spaced = given.rename_columns([f" {name}" for name in given.column_names])
    file = put(spaced, tmp_path / "spaced.csv")
    refused("column 'slope' is missing; there is ' slope', which differs only in spaces", file)
    when = given.set_column(1, "weight", pa.array(range(20), pa.timestamp("s")))
    file = put(when, tmp_path / "c.arrow")
    refused("column 'weight' has type timestamp[s], expected numbers or text", file)
    nested = given.set_column(5, "colour", pa.array([["red"]] * 20))
    refused("column 'colour' has type list", put(nested, tmp_path / "d.parquet"))
    (tmp_path / "twice.csv").write_text("weight,weight\n1,2\n")
    refused("column 'weight' occurs twice", tmp_path / "twice.csv")


def test_files_with_different_columns_are_refused(
    ready: Toy, refused: Refused, tmp_path: Path
) -> None:
    given, folder = rows(ready, count=20), tmp_path / "in"
    put(given, folder / "a.parquet")
    other = put(given.drop_columns("key"), folder / "b.parquet")
    refused(f"{other}: column 'key' of {folder / 'a.parquet'} is missing", folder)
    whole = given.set_column(1, "weight", given["weight"].cast(pa.float32()))
    put(whole, folder / "b.parquet")
    refused(f"{other}: column 'weight' has type float, but double in", folder)
    put(given.append_column("late", given["key"]), folder / "b.parquet")
    refused(f"{other}: column 'late' does not exist in", folder)
    other.unlink()
    put(given, folder / "b.csv")
    refused("b.csv: column", folder)


def test_an_input_without_files_is_refused(refused: Refused, tmp_path: Path) -> None:
    refused("none.parquet: no such file or folder", tmp_path / "none.parquet")
    refused("/*.csv: contains no files to score", tmp_path / "*.csv")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/_hidden.csv").touch()
    refused("in: contains no files to score", tmp_path / "in")
    (tmp_path / "rows.xlsx").touch()
    refused(
        "rows.xlsx: expected a name that ends in .csv, .tsv, .txt, .parquet,",
        tmp_path / "rows.xlsx",
    )


def _half(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "arrows", "feather"])
def test_truncated_files_are_refused(
    ready: Toy, refused: Refused, tmp_path: Path, suffix: str
) -> None:
    file = _half(put(rows(ready), tmp_path / f"rows.{suffix}"))
    refused(f"{file}: not ", file)
    file.write_bytes(b"")
    refused(f"{file}: not ", file)
    file.write_bytes(b"PAR1 or ARROW1? Neither." * 9)
    refused(f"{file}: not ", file)


def test_a_stream_truncated_between_two_batches_is_refused(
    ready: Toy, refused: Refused, tmp_path: Path
) -> None:
    file = put(rows(ready), tmp_path / "rows.arrows")
    file.write_bytes(file.read_bytes()[:-8])
    refused("rows.arrows: not an Arrow file, or the file is truncated", file)


def test_a_corrupt_page_is_refused(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    """The corrupt page is found in the middle of the run, after other rows were written."""
    file = tmp_path / "rows.parquet"
    pq.write_table(rows(ready, count=50_000), file, row_group_size=5_000, compression="zstd")
    content = bytearray(file.read_bytes())
    half = len(content) // 2
    content[half : half + 2_000] = bytes(2_000)
    file.write_bytes(content)
    refused("rows.parquet: not readable as Parquet: ", file)


def test_files_that_are_not_csv_are_refused(refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"")
    refused("rows.csv is empty: expected a table with a header", file)
    header = "weight,slope,visits,waste,colour\n"
    file.write_bytes(header.encode() + "1,2,3,4,grün\n".encode("latin1"))
    refused("rows.csv is not UTF-8 (byte 43): convert it", file)
    file.write_bytes(header.encode() + b"1,2,3,4,red\n" * 10_000 + b"1,2,3,4,\xff\n")
    refused("rows.csv: not readable as CSV: In CSV column #4: ", file)
    file.write_bytes(header.encode("utf-16"))
    refused("rows.csv is UTF-16: convert it", file)


def test_an_output_within_the_input_is_refused(
    ready: Toy, refused: Refused, tmp_path: Path
) -> None:
    folder, given = tmp_path / "in", rows(ready, count=9)
    file = put(given, folder / "a.parquet")
    refused("is part of the input", folder, output="in/out.parquet")
    refused("is part of the input", folder / "*.parquet", output="in/out.parquet")
    refused("is part of the input", folder, "--quarantine", str(folder / "aside.parquet"))
    copy = file.read_bytes()
    ran = score(ready, file, file, status=2)
    assert "is part of the input" in ran.line
    assert file.read_bytes() == copy
    (tmp_path / "link").symlink_to(folder)
    refused("is part of the input", folder, output="link/out.parquet")
    score(ready, folder / "*.parquet", tmp_path / "out.parquet")


def test_an_unusable_output_is_refused(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    file = put(rows(ready, count=9), tmp_path / "rows.parquet")
    refused("out.csv: expected a file name that ends in .parquet", file, output="out.csv")
    (tmp_path / "folder.parquet").mkdir()
    refused("folder.parquet: expected a file name", file, output="folder.parquet")
    refused("cannot be written: No such file or directory", file, output="none/out.parquet")
    more = ["--quarantine", str(tmp_path / "out.parquet")]
    refused("output and quarantine are the same", file, *more)


@pytest.mark.parametrize("name", ["out.parquet", "out.quarantine.parquet"])
def test_a_file_of_someone_else_is_neither_replaced_nor_deleted(
    ready: Toy, tmp_path: Path, name: str
) -> None:
    file = put(rows(ready, count=9), tmp_path / "rows.parquet")
    target = tmp_path / name
    for theirs in (
        b"no Parquet file",
        put(rows(ready, count=9), tmp_path / "own.parquet").read_bytes(),
    ):
        target.write_bytes(theirs)
        ran = score(ready, file, tmp_path / "out.parquet", status=2)
        assert f"{name}: exists and is not an earlier result of 'sluice score'" in ran.line
        assert target.read_bytes() == theirs
    target.unlink()
    score(ready, file, tmp_path / "out.parquet")
    score(ready, file, tmp_path / "out.parquet")


def test_wrong_options_are_refused(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    file = put(rows(ready, count=9), tmp_path / "rows.parquet")
    refused("must be given together", file, "--master", "local")
    for rows_at_once in ("0", "-1", "many"):
        ran = ready.sluice("score", "a", "b", "c", "--batch-rows", rows_at_once)
        assert ran.status == 2
        assert "--batch-rows: invalid" in ran.err
    ran = ready.sluice("score", "none.tar", str(file), str(tmp_path / "out.parquet"))
    assert (ran.status, ran.err) == (2, "sluice: none.tar: no such file\n")


@pytest.fixture
def long(ready: Toy, tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A slow run: every third row is refused, and batches are tiny."""
    given = rows(ready, count=120_000)
    bad = np.where(np.arange(120_000) % 3 == 1, np.inf, 70.0)
    return put(given.set_column(1, "weight", pa.array(bad)), tmp_path / "rows.csv"), (
        "--batch-rows",
        "6",
    )


Long = tuple[Path, tuple[str, ...]]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_changes_no_file(
    ready: Toy, tmp_path: Path, long: Long, sent: int
) -> None:
    given, slowly = long
    output = tmp_path / "out.parquet"
    earlier = put_earlier_result(output)
    process = start(ready, given, output, *slowly)
    time.sleep(0.5)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "sluice: interrupted; nothing was written\n")
    assert output.read_bytes() == earlier
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "rows.csv"]


def test_a_run_after_a_killed_one_succeeds(ready: Toy, tmp_path: Path, long: Long) -> None:
    given, slowly = long
    output = tmp_path / "out.parquet"
    process = start(ready, given, output, *slowly)
    ran = score(ready, given, output, status=2)
    assert ran.line.endswith(".out.parquet.part: another run is writing this file")
    time.sleep(0.5)
    process.kill()
    process.communicate(timeout=60)
    left = hidden(tmp_path)
    assert left == [".out.parquet.part", ".out.quarantine.parquet.part"]
    assert not output.exists()
    ran = score(ready, given, output, status=1)
    assert ran.line.startswith("40,000 of 120,000 rows were refused")
    assert hidden(tmp_path) == []
    assert pq.read_metadata(output).num_rows == 80_000


def test_on_a_full_disk_no_file_changes(ready: Toy, tmp_path: Path) -> None:
    given = put(rows(ready, count=50_000), tmp_path / "rows.parquet")
    output = tmp_path / "o.parquet"
    full = [
        f"{tmp_path}/{name}.parquet: cannot be written: File too large\n"
        for name in ("o", "o.quarantine")
    ]
    earlier = put_earlier_result(output)
    for bytes_left in (0, 3, 4, 100, 20_000, 200_000):
        done = subprocess.run(
            [sys.executable, "-m", "sluice.cli", "score"]
            + [str(path) for path in (_unpacked(ready, tmp_path), given, output)],
            check=False,
            capture_output=True,
            text=True,
            env=ready.environment(),
            preexec_fn=lambda most=bytes_left: resource.setrlimit(
                resource.RLIMIT_FSIZE, (most, most)
            ),
        )
        said = done.stderr
        assert done.returncode == 2, (bytes_left, said)
        assert said.removeprefix("sluice: ") in full, (bytes_left, said)
        assert output.read_bytes() == earlier
        assert hidden(tmp_path) == []


def _unpacked(toy: Toy, folder: Path) -> Path:
    """The package's folder: with the limit, the command itself could not unpack it."""
    target = folder / "package"
    if not target.exists():
        subprocess.run(["tar", "-xf", str(toy.package), f"--one-top-level={target}"], check=True)
    return target
