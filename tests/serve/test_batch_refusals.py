"""What cannot be scored is refused in one line, and nothing on the disk changes."""

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
from support.serving.scoring import hidden, put, rows, score, start


@pytest.fixture
def ready(built: Callable[[str], Toy]) -> Toy:
    return built("binary")


@pytest.fixture
def refused(ready: Toy, tmp_path: Path) -> Callable[..., None]:
    """Assert that the command says `why` and leaves everything as it was."""

    def check(why: str, given: object, *more: str, output: str = "out.parquet") -> None:
        target = tmp_path / output
        before = target.is_file() and target.write_bytes(b"earlier")
        known = sorted(tmp_path.rglob("*"))
        ran = score(ready, given, target, *more, status=2)
        assert why in ran.line
        assert ran.out == ""
        assert ran.err == f"sluice: {ran.line}\n"
        assert sorted(tmp_path.rglob("*")) == known
        assert not before or target.read_bytes() == b"earlier"

    return check


Refused = Callable[..., None]


def test_columns_that_do_not_fit(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    given = rows(ready, count=20)
    (tmp_path / "out.parquet").touch()
    file = put(given.drop_columns("slope"), tmp_path / "a.parquet")
    refused(f"{file}: column 'slope' is missing", file)
    surplus = given.append_column("late", given["slope"])
    file = put(surplus, tmp_path / "b.csv")
    refused(f"{file}: column 'late' is not an input of this model; --keep late carries", file)
    refused("there is no column 'lade' to keep", file, "--keep", "lade")
    when = given.set_column(1, "weight", pa.array(range(20), pa.timestamp("s")))
    file = put(when, tmp_path / "c.arrow")
    refused("column 'weight' holds timestamp[s], expected numbers or text", file)
    nested = given.set_column(5, "colour", pa.array([["red"]] * 20))
    refused("column 'colour' holds list", put(nested, tmp_path / "d.parquet"))
    (tmp_path / "twice.csv").write_text("weight,weight\n1,2\n")
    refused("column 'weight' is there twice", tmp_path / "twice.csv")


def test_files_that_differ(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    given, folder = rows(ready, count=20), tmp_path / "in"
    put(given, folder / "a.parquet")
    other = put(given.drop_columns("key"), folder / "b.parquet")
    refused(f"{other}: column 'key' of {folder / 'a.parquet'} is missing", folder)
    whole = given.set_column(1, "weight", given["weight"].cast(pa.float32()))
    put(whole, folder / "b.parquet")
    refused(f"{other}: column 'weight' holds float, double in", folder)
    put(given.append_column("late", given["key"]), folder / "b.parquet")
    refused(f"{other}: column 'late' holds string, and is not in", folder)
    other.unlink()
    put(given, folder / "b.csv")
    refused("b.csv: column", folder)


def test_nothing_to_read(refused: Refused, tmp_path: Path) -> None:
    refused("none.parquet: no such file or folder", tmp_path / "none.parquet")
    refused("/*.csv: holds no files to score", tmp_path / "*.csv")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/_hidden.csv").touch()
    refused("in: holds no files to score", tmp_path / "in")
    (tmp_path / "rows.xlsx").touch()
    refused("rows.xlsx: expected a name that ends in .parquet, .csv,", tmp_path / "rows.xlsx")


def _half(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "arrows", "feather"])
def test_files_that_were_cut_short(
    ready: Toy, refused: Refused, tmp_path: Path, suffix: str
) -> None:
    file = _half(put(rows(ready), tmp_path / f"rows.{suffix}"))
    refused(f"{file}: not ", file)
    file.write_bytes(b"")
    refused(f"{file}: not ", file)
    file.write_bytes(b"PAR1 or ARROW1? Neither." * 9)
    refused(f"{file}: not ", file)


def test_a_stream_cut_between_two_batches(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    file = put(rows(ready), tmp_path / "rows.arrows")
    file.write_bytes(file.read_bytes()[:-8])
    refused("rows.arrows: not an Arrow file, or one that was cut short", file)


def test_a_page_that_rotted(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    """Found in the middle of the run, when rows have been written already."""
    file = tmp_path / "rows.parquet"
    pq.write_table(rows(ready, count=50_000), file, row_group_size=5_000, compression="zstd")
    content = bytearray(file.read_bytes())
    half = len(content) // 2
    content[half : half + 2_000] = bytes(2_000)
    file.write_bytes(content)
    refused("rows.parquet: not readable as Parquet: ", file)


def test_csv_files_that_are_none(refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"")
    refused("rows.csv: is empty, expected a header", file)
    header = "weight,slope,visits,waste,colour\n"
    file.write_bytes(header.encode() + "1,2,3,4,grün\n".encode("latin1"))
    refused("rows.csv: not readable as CSV: 'utf-8' codec", file)
    file.write_bytes(header.encode() + b"1,2,3,4,red\n" * 10_000 + b"1,2,3,4,\xff\n")
    refused("rows.csv: not readable as CSV: In CSV column #4: ", file)
    file.write_bytes(header.encode("utf-16"))
    refused("rows.csv: not readable as CSV: 'utf-8' codec", file)


def test_output_among_the_input(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    folder, given = tmp_path / "in", rows(ready, count=9)
    file = put(given, folder / "a.parquet")
    refused("lies in the input", folder, output="in/out.parquet")
    refused("lies in the input", folder / "*.parquet", output="in/out.parquet")
    refused("lies in the input", folder, "--quarantine", str(folder / "aside.parquet"))
    copy = file.read_bytes()
    ran = score(ready, file, file, status=2)
    assert "lies in the input" in ran.line
    assert file.read_bytes() == copy
    (tmp_path / "link").symlink_to(folder)
    refused("lies in the input", folder, output="link/out.parquet")
    score(ready, folder / "*.parquet", tmp_path / "out.parquet")


def test_output_that_cannot_be(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    file = put(rows(ready, count=9), tmp_path / "rows.parquet")
    refused("out.csv: expected the name of a file that ends in .parquet", file, output="out.csv")
    (tmp_path / "folder.parquet").mkdir()
    refused("folder.parquet: expected the name of a file", file, output="folder.parquet")
    refused("cannot be written: No such file or directory", file, output="none/out.parquet")
    more = ["--quarantine", str(tmp_path / "out.parquet")]
    refused("is the quarantine too", file, *more)


def test_other_words_of_the_command(ready: Toy, refused: Refused, tmp_path: Path) -> None:
    file = put(rows(ready, count=9), tmp_path / "rows.parquet")
    refused("--master goes with --engine spark", file, "--master", "local")
    for rows_at_once in ("0", "-1", "many"):
        ran = ready.sluice("score", "a", "b", "c", "--batch-rows", rows_at_once)
        assert ran.status == 2
        assert "--batch-rows: invalid" in ran.err
    ran = ready.sluice("score", "none.tar", str(file), str(tmp_path / "out.parquet"))
    assert (ran.status, ran.err) == (2, "sluice: none.tar: no such file\n")


@pytest.fixture
def long(ready: Toy, tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A run that takes its time: every third row is refused, and batches are tiny."""
    given = rows(ready, count=120_000)
    bad = np.where(np.arange(120_000) % 3 == 1, np.inf, 70.0)
    return put(given.set_column(1, "weight", pa.array(bad)), tmp_path / "rows.csv"), (
        "--batch-rows",
        "6",
    )


Long = tuple[Path, tuple[str, ...]]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped(ready: Toy, tmp_path: Path, long: Long, sent: int) -> None:
    given, slowly = long
    output = tmp_path / "out.parquet"
    output.write_bytes(b"earlier")
    process = start(ready, given, output, *slowly)
    time.sleep(0.5)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "sluice: interrupted; nothing was written\n")
    assert output.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "rows.csv"]


def test_a_run_that_is_killed(ready: Toy, tmp_path: Path, long: Long) -> None:
    given, slowly = long
    output = tmp_path / "out.parquet"
    process = start(ready, given, output, *slowly)
    ran = score(ready, given, output, status=2)
    assert ran.line.endswith(".out.parquet.part: another run is writing it")
    time.sleep(0.5)
    process.kill()
    process.communicate(timeout=60)
    left = hidden(tmp_path)
    assert left == [".out.parquet.part", ".out.quarantine.parquet.part"]
    assert not output.exists()
    ran = score(ready, given, output, status=1)
    assert ran.line.startswith("40,000 of 120,000 rows refused")
    assert hidden(tmp_path) == []
    assert pq.read_metadata(output).num_rows == 80_000


def test_a_disk_that_is_full(ready: Toy, tmp_path: Path) -> None:
    given = put(rows(ready, count=50_000), tmp_path / "rows.parquet")
    output = tmp_path / "o.parquet"
    full = [
        f"{tmp_path}/{name}.parquet: cannot be written: File too large\n"
        for name in ("o", "o.quarantine")
    ]
    output.write_bytes(b"earlier")
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
        assert output.read_bytes() == b"earlier"
        assert hidden(tmp_path) == []


def _unpacked(toy: Toy, folder: Path) -> Path:
    """Unpacking needs room of its own."""
    target = folder / "package"
    if not target.exists():
        subprocess.run(["tar", "-xf", str(toy.package), f"--one-top-level={target}"], check=True)
    return target
