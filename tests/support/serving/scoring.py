"""Rows to score, files of them in every format, and runs of `sluice score`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pyarrow import feather

from sluice.model import Model, Signature
from sluice.package.archive import opened
from support.fixture_project import Ran, Toy
from support.fixture_project.data import table

# Started from a small process, because a child's peak memory includes that of its parent.
_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

Write = Callable[[pa.Table, Path], object]


def _ipc(table: pa.Table, path: Path, new: Callable[..., Any]) -> None:
    with new(str(path), table.schema) as writer:
        writer.write_table(table, 500)


FORMATS: dict[str, Write] = {
    "rows.parquet": lambda table, path: pq.write_table(table, path, row_group_size=700),
    "rows.csv": pa_csv.write_csv,
    "rows.arrow": lambda table, path: _ipc(table, path, pa.ipc.new_file),
    "rows.arrows": lambda table, path: _ipc(table, path, pa.ipc.new_stream),
    "rows.feather": lambda table, path: feather.write_feather(table, path, compression="zstd"),
}


def model(toy: Toy) -> Model:
    with opened(toy.package) as package:
        return Model(package.model)


def signature(toy: Toy) -> Signature:
    with opened(toy.package) as package:
        return package.signature


def rows(toy: Toy, task: str = "binary", count: int = 1_500, seed: int = 3) -> pa.Table:
    """The id and the model's inputs as a table, in the order of the data."""
    wanted = {"key", *(column.name for column in signature(toy).inputs)}
    frame = table(task, count, seed)
    columns = [name for name in frame.columns if name in wanted]
    made = pa.Table.from_pandas(frame[columns], preserve_index=False)
    plain = [pa.string() if pa.types.is_large_string(held) else held for held in made.schema.types]
    return made.cast(pa.schema(zip(made.column_names, plain, strict=True)))


def put(table: pa.Table, path: Path) -> Path:
    """Write a file in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[f"rows{path.suffix}"](table, path)
    return path


def put_earlier_result(path: Path) -> bytes:
    """Write a file as an earlier run of `sluice score` would have left it; returns its bytes."""
    table = pa.table({"score": [0.5]}).replace_schema_metadata({"sluice.package": "toy"})
    pq.write_table(table, path)
    return path.read_bytes()


def score(
    toy: Toy,
    given: object,
    output: Path,
    *more: str,
    status: int = 0,
    package: Path | None = None,
    **environment: str,
) -> Ran:
    """Run the command with the project's package, or with another one."""
    command = ["score", str(package or toy.package), str(given), str(output), *more]
    ran = toy.sluice(*command, **environment)
    assert ran.status == status, ran.said
    assert "Traceback" not in ran.said
    return ran


def records(table: pa.Table, known: Signature) -> list[dict[str, Any]]:
    return table.select([column.name for column in known.inputs]).to_pylist()


def hidden(folder: Path) -> list[str]:
    """The names of the hidden files in a folder."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def start(toy: Toy, given: Path, output: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command, and return once it has begun to write."""
    command = [sys.executable, "-m", "sluice.cli", "score", str(toy.package), str(given)]
    process = subprocess.Popen(
        [*command, str(output), *more],
        cwd=toy.root,
        env=toy.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    part = output.with_name(f".{output.name}.part")
    until = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


def peak(toy: Toy, arguments: Sequence[str]) -> int:
    """Run the command; returns its peak memory in MiB."""
    command = [sys.executable, "-m", "sluice.cli", "score", str(toy.package), *arguments]
    ran = toy.run(sys.executable, "-c", _PEAK, *command).went_well()
    return int(ran.out.split()[-1]) // 1024
