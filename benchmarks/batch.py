"""Compare `sluice score`, Parquet to Parquet, with ONNX Runtime: `python benchmarks/batch.py`.

ONNX Runtime alone means `session.run` on prepared tensors, with one thread and the same batch size.
Each round runs everything once, so that a slow moment of the machine affects all of them.
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

# Started from a small process, because a child's peak memory includes that of its parent.
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
    """Seconds of each round, and the peak memory of `sluice score` in MiB.

    start_up: the time of the command for a file without rows, which `score` includes.
    """

    times: int
    rows: int
    start_up: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)

    def rates(self) -> dict[str, list[float]]:
        """Rows per second in each round: the command, without start-up, and ONNX Runtime alone."""
        started = [whole - start for whole, start in zip(self.score, self.start_up, strict=True)]
        each = {"command": self.score, "started": started, "bare": self.bare}
        return {name: [self.rows / seconds for seconds in held] for name, held in each.items()}

    def ratios(self, name: str) -> list[float]:
        """The rates as fractions of ONNX Runtime alone in the same round."""
        rates = self.rates()
        return [ours / bare for ours, bare in zip(rates[name], rates["bare"], strict=True)]


def measure(package: Path, data: Path, times: list[int], repeats: int) -> list[Figures]:
    """The figures for files that repeat the data so many times."""
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
    """One full batch of the data's rows as tensors."""
    many = pa.concat_tables([table] * (BATCH_ROWS // table.num_rows + 1))[:BATCH_ROWS]
    (batch,) = many.combine_chunks().to_batches()
    tensors, faults = encode(
        plan_columns(model.signature, batch.schema, [], "x", parsed=False), batch
    )
    if faults:
        sys.exit(f"the data has rows that the model refuses: {faults[min(faults)]}")
    return tensors


def _write(table: pa.Table, times: int, scratch: Path) -> Path:
    path = scratch / f"{times}.parquet"
    with pq.ParquetWriter(path, table.schema) as writer:
        for first in range(0, times, 10):  # row groups of at most ten times the data
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
    parser.add_argument("package", type=Path, nargs="?", help="default: the newest in dist/")
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
    """The median, and the lowest and highest value."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


if __name__ == "__main__":
    main()
