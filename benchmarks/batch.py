"""Time `sluice score`, Parquet to Parquet, against bare ONNX Runtime: `python benchmarks/batch.py`.

Bare is `session.run` over tensors that lie ready: one thread and the same batch size, as in
sluice. Each repeat runs everything once, so that a slow moment of the machine hits all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.config import load
from sluice.model import Model, Tensors
from sluice.package.archive import opened
from sluice.serve.batch import BATCH_ROWS
from sluice.serve.batch.column_plan import plan_columns
from sluice.serve.batch.columns import encode

# By way of a small process: a child's peak begins with the size of what it was forked from.
_TIMED = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
seconds = time.perf_counter() - started
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figures:
    """Seconds of each repeat, and the most memory that `sluice score` held (MiB).

    start_up: the command on no rows at all; it is part of `score` too.
    """

    times: int
    rows: int
    start_up: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)

    def rates(self) -> dict[str, list[float]]:
        """Rows/s of each repeat: of the command, of the command once it has started, and bare."""
        started = [whole - start for whole, start in zip(self.score, self.start_up, strict=True)]
        each = {"command": self.score, "started": started, "bare": self.bare}
        return {name: [self.rows / seconds for seconds in held] for name, held in each.items()}

    def ratios(self, name: str) -> list[float]:
        """To bare ONNX Runtime in the same repeat."""
        rates = self.rates()
        return [ours / bare for ours, bare in zip(rates[name], rates["bare"], strict=True)]


def measure(package: Path, data: Path, times: list[int], repeats: int) -> list[Figures]:
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder, opened(package) as held:
        scratch, model = Path(folder), Model(held.model)
        table = _columns(model, data)
        ready = _tensors(model, table)
        nothing = _write(table, 0, scratch)
        files = [_write(table, each, scratch) for each in times]
        measured = [Figures(each, each * table.num_rows) for each in times]
        for _ in range(repeats):
            for figures, file in zip(measured, files, strict=True):
                figures.start_up.append(_score(package, nothing)[0])
                seconds, peak = _score(package, file)
                figures.score.append(seconds)
                figures.peak.append(peak)
                figures.bare.append(_bare(model, ready, figures.rows))
    return measured


def _columns(model: Model, data: Path) -> pa.Table:
    signature = model.signature
    names = [name for name in (signature.id,) if name] + [each.name for each in signature.inputs]
    return pa.Table.from_pandas(pd.read_csv(data)[names], preserve_index=False)


def _tensors(model: Model, table: pa.Table) -> Tensors:
    """A batch of the very rows."""
    many = pa.concat_tables([table] * (BATCH_ROWS // table.num_rows + 1))[:BATCH_ROWS]
    (batch,) = many.combine_chunks().to_batches()
    tensors, faults = encode(
        plan_columns(model.signature, batch.schema, [], "x", parsed=False), batch
    )
    if faults:
        sys.exit(f"the data holds rows that are refused: {faults[min(faults)]}")
    return tensors


def _write(table: pa.Table, times: int, scratch: Path) -> Path:
    path = scratch / f"{times}.parquet"
    with pq.ParquetWriter(path, table.schema) as writer:
        for first in range(0, times, 10):  # row groups of ten times the rows at most
            writer.write_table(pa.concat_tables([table] * min(10, times - first)))
    return path


def _score(package: Path, file: Path) -> tuple[float, int]:
    command = [sys.executable, "-m", "sluice.cli", "score", str(package), str(file)]
    command = [sys.executable, "-c", _TIMED, *command, str(file.with_name("out.parquet"))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, peak = done.stdout.splitlines()[-1].split()
    return float(seconds), int(peak) // 1024


def _bare(model: Model, ready: Tensors, rows: int) -> float:
    session = model._session
    feed = {"numbers": ready.numbers, "categories": ready.categories}
    output = [session.get_outputs()[-1].name]
    wanted = {each.name: feed[each.name] for each in session.get_inputs()}
    whole, rest = divmod(rows, BATCH_ROWS)
    last = {name: np.ascontiguousarray(held[:rest]) for name, held in wanted.items()}
    started = time.perf_counter()
    for _ in range(whole):
        session.run(output, wanted)
    if rest:
        session.run(output, last)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, nargs="?", help="else the newest in dist/")
    parser.add_argument("--times", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    built = sorted((ROOT / "dist").glob("*.tar"), key=lambda path: path.stat().st_mtime)
    package = options.package or built[-1]
    data = ROOT / load(ROOT / "params.yaml").data.file
    print(f"{package.name}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"{'rows':>10}{'rows/s':>24}{'bare rows/s':>24}{'ratio':>8}{'started':>9}{'MiB':>6}")
    for figures in measure(package, data, options.times, options.repeats):
        rates = figures.rates()
        middle = [statistics.median(figures.ratios(name)) for name in ("command", "started")]
        print(
            f"{figures.rows:>10,}{_spread(rates['command']):>24}{_spread(rates['bare']):>24}"
            f"{middle[0]:>8.2f}{middle[1]:>9.2f}{max(figures.peak):>6}"
        )


def _spread(values: list[float]) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


if __name__ == "__main__":
    main()
