"""Very many labels are counted; on a full disk, the command fails with one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from support.fixture_project import Toy
from support.fixture_project.data import table
from support.monitor import END, Logged, put_log

_MEMORY = 1_000_000  # kB


@pytest.fixture
def many(size: Callable[[int, int], int]) -> int:
    """Labels in the file."""
    return size(1_000_000, 100_000_000)


def write_labels(path: Path, known: list[str], truth: list[str], many: int) -> None:
    """Labels of known ids among very many unknown ones."""
    schema = pa.schema([("id", pa.string()), ("truth", pa.string()), ("known_at", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        step = 1_000_000
        for start in range(0, many, step):
            numbers = pa.array(np.arange(start, min(start + step, many))).cast(pa.string())
            strangers = pc.binary_join_element_wise("s", numbers, "")
            some = pa.repeat(pa.scalar("no"), len(strangers))
            when = pa.repeat(pa.scalar("2026-04-02T00:00:00Z"), len(strangers))
            writer.write_batch(pa.record_batch([strangers, some, when], schema=schema))
        when = pa.repeat(pa.scalar("2026-04-02T00:00:00Z"), len(known))
        writer.write_batch(pa.record_batch([pa.array(known), pa.array(truth), when], schema=schema))


@pytest.fixture
def log(logged: Logged, tmp_path: Path) -> tuple[list[str], list[str]]:
    frame = table("binary", 3_000, 27)
    ids = [f"n{at:05d}" for at in range(len(frame))]
    put_log(tmp_path / "log", logged, frame, days=14, ids=ids)
    return ids, frame["late"].tolist()


def truth(green: Toy, folder: Path, limit: str = "") -> subprocess.CompletedProcess[str]:
    """`sluice monitor truth` in a process of its own, with its peak memory as the last line."""
    # Not ru_maxrss, which a new process inherits from the one that starts it.
    code = (
        f"import resource, sys\n{limit}\nfrom sluice.cli import main\nstatus = main(sys.argv[1:])\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(*(line.split()[1] for line in lines if line.startswith('VmHWM:')))\n"
        "sys.exit(status)"
    )
    given = ["--labels", str(folder / "labels.parquet"), "--package", str(green.package)]
    given += ["--until", str(END), "--cache", str(folder / "cache"), "--json"]
    return subprocess.run(
        [sys.executable, "-c", code, "monitor", "truth", str(folder / "log"), *given],
        cwd=green.root,
        check=False,
        capture_output=True,
        text=True,
        env=green.environment(TMPDIR=str(folder)),
    )


def test_labels_that_do_not_fit_in_memory_are_all_counted(
    green: Toy, log: tuple[list[str], list[str]], tmp_path: Path, many: int
) -> None:
    write_labels(tmp_path / "labels.parquet", *log, many)
    ran = truth(green, tmp_path)
    found, _, memory = ran.stdout.strip().rpartition("\n")
    assert ran.returncode in (0, 3), ran.stderr
    said = {one["name"]: one for one in json.loads(found)["findings"]}
    strangers = said["ground-truth/labels of ids that the log does not have"]
    assert f"{many:,} of {many + 3_000:,} labels" in strangers["why"]
    assert said["ground-truth/roc_auc"]["n"] == 3_000
    assert int(memory) < 3.2 * _MEMORY
    assert not list(tmp_path.glob("sluice-*")), "its database is left behind"


def test_a_full_disk_is_an_error_in_one_line(
    green: Toy, log: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    """Files are limited to 2 MB to simulate a full disk."""
    write_labels(tmp_path / "labels.parquet", *log, 300_000)
    full = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))"
    ran = truth(green, tmp_path, full)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    lines = [line for line in ran.stderr.splitlines() if line]
    assert len(lines) == 1, ran.stderr
    assert lines[0].startswith("sluice: ")
    assert "disk" in lines[0] or "space" in lines[0], lines[0]
    assert not list(tmp_path.glob("sluice-*")), "its database is left behind"
