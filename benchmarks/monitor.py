"""Time what monitoring takes: `make bench-monitor` (with `PACKAGE=FILE`, or the newest in dist/).

The log has invented rows of the package's model, in one file for each host and day. Each command
runs as a process of its own: CPU seconds are those of all its processes, and memory is the peak of
the largest one. Only those peers are run whose interpreters are named: see benchmarks/peers. Writes
docs/benchmarks-monitor.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import monitor_year
from sluice.package import seal
from sluice.package.archive import opened
from sluice.package.manifest import Manifest
from sluice.project import Project
from sluice.scoring_log import arrow
from sluice.scoring_log.record import LoggedColumn, SegmentHeader
from sluice.sketch.bins import Bins
from sluice.sketch.reference import Counted, Reference

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/benchmarks-monitor.md"
_HEAD = """\
# Benchmarks of monitoring

`make bench-monitor` measures these figures and writes this page. The rows are invented. Each line
is one process with its children: CPU seconds are those of all of them, memory is the peak of the
largest one.
"""
_DAY = 86_400_000_000
_FIRST = 20_000  # days since 1970
_VERSIONS = 3
_SCAN = """
import sys, duckdb
names = sys.argv[2].split("\\x1f")
values = ", ".join(f'max(features."{name}")' for name in names)
duckdb.sql(f"select count(*), sum(score), {values} from '{sys.argv[1]}/*.parquet'").fetchall()
"""


@dataclass(frozen=True)
class Took:
    """Wall and CPU seconds of a command, and the peak memory of its largest process in MiB."""

    wall: float
    cpu: float
    memory: float

    def row(self, name: str) -> str:
        return f"| {name} | {self.wall:.2f} | {self.cpu:.2f} | {self.memory:,.0f} |"


def timed(*command: str | Path, fine: tuple[int, ...] = (0,), **environment: str) -> Took:
    """Run a command from a small process, because a child's memory includes its parent's."""
    code = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "wall = time.perf_counter() - start\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "cpu = used.ru_utime + used.ru_stime\n"
        "print(json.dumps([done.returncode, wall, cpu, used.ru_maxrss]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    status, wall, cpu, kilobytes = json.loads(done.stdout)
    if status not in fine:
        raise SystemExit(f"{command[:4]} ended with status {status}")
    return Took(wall, cpu, kilobytes / 1024)


class Rows:
    """Invented records: each input and score has the distribution of the reference."""

    def __init__(self, reference: Reference, manifest: Manifest) -> None:
        self._reference, self._manifest = reference, manifest
        self._random = np.random.default_rng(1)
        pool = 100_000
        self._pools = [self._draw(one, pool) for one in reference.features]
        self._score = self._draw(reference.scores[0], pool)

    def _draw(self, counted: Counted, rows: int) -> pa.Array:
        shares = counted.array / counted.array.sum()
        places = self._random.choice(counted.bins.size, rows, p=shares)
        return values(counted.bins, places, self._random)

    def write(self, folder: Path, day: int, host: int, rows: int) -> None:
        """One file of a host and day."""
        reference, manifest, random = self._reference, self._manifest, self._random
        columns = tuple(LoggedColumn(f.bins.name, f.bins.type) for f in reference.features)
        version = f"{manifest.version}-{host % _VERSIONS}" if host % _VERSIONS else manifest.version
        header = SegmentHeader(
            manifest.name,
            version,
            manifest.digest,
            f"host-{host:02}",
            "one",
            reference.task,
            reference.classes,
            columns,
        )
        schema = arrow.schema(header)
        chosen = pa.array(random.integers(0, len(self._score), rows))
        times = (_FIRST + day) * _DAY + np.sort(random.integers(0, _DAY, rows))
        features = pa.StructArray.from_arrays(
            [pool.take(chosen) for pool in self._pools], fields=list(schema.field("features").type)
        )
        given = {
            "time": pa.array(times).cast(pa.timestamp("us", "UTC")),
            "request": pa.nulls(rows, pa.string()),
            "row": pa.array(np.zeros(rows, np.int32)),
            "id": pa.array([f"{day}-{host}-{at}" for at in range(rows)]),
            "features": features,
            "score": self._score.take(chosen),
            "decision": pa.repeat(pa.scalar(reference.classes[0]), rows),
            "latency": pa.array(random.exponential(0.002, rows)),
            "x_request_id": pa.nulls(rows, pa.string()),
            "segment": pa.nulls(rows, schema.field("segment").type),
        }
        for name in ("host", "instance", "package", "version", "digest"):
            codes = pa.repeat(pa.scalar(0, pa.int32()), rows)
            given[name] = pa.DictionaryArray.from_arrays(codes, pa.array([getattr(header, name)]))
        table = pa.Table.from_arrays([given[field.name] for field in schema], schema=schema)
        pq.write_table(table, folder / f"202410{day:02}T000000-host-{host:02}-one-1.parquet")


def values(bins: Bins, places: np.ndarray, random: np.random.Generator) -> pa.Array:
    """A value inside each of the bins."""
    missing = places == bins.missing
    if bins.type == "category":
        named = [*bins.levels, "other", None]
        return pa.array(named).take(pa.array(places))
    ends = np.array(bins.edges)
    ends = np.array([ends[0] - 1, *ends, ends[-1] + 1]) if len(ends) else np.array([0.0, 1.0])
    at = np.minimum(places, len(ends) - 2)
    drawn = ends[at + 1] - random.random(len(places)) * (ends[at + 1] - ends[at]) * 0.999
    return pa.array(np.where(missing, np.nan, drawn), mask=missing)


def log(package: Path, folder: Path, *, rows: int, hosts: int, days: int) -> list[str]:
    """Summaries: the first run, the second with one more day, and the scan of the whole log."""
    where = folder / "log"
    where.mkdir()
    with opened(package) as unpacked:
        made = Rows(unpacked.reference, unpacked.manifest)
        names = "\x1f".join(one.bins.name for one in unpacked.reference.features)
    each = rows // (hosts * days)
    for day in range(days):
        for host in range(hosts):
            made.write(where, day, host, each)
    size = sum(path.stat().st_size for path in where.iterdir()) / 1e6
    sluice = (sys.executable, "-m", "sluice.cli", "monitor", "log", where, "--package", package)
    cached = ("--cache", folder / "cache")
    first = timed(*sluice, *cached, fine=(0, 1, 3))
    scan = timed(sys.executable, "-c", _SCAN, where, names)
    for host in range(hosts):
        made.write(where, days, host, each)
    more = timed(*sluice, *cached, fine=(0, 1, 3))
    nothing = timed(*sluice, *cached, fine=(0, 1, 3))
    return [
        f"{rows:,} records of {hosts} hosts and {_VERSIONS} versions, {hosts * days} files, "
        f"{size:,.0f} MB",
        "",
        "| `sluice monitor log` | s | CPU s | memory, MiB |",
        "| --- | --- | --- | --- |",
        first.row("first run"),
        more.row(f"with one new day ({each * hosts:,} records)"),
        nothing.row("with nothing new"),
        scan.row("DuckDB alone: count, and the maximum of each column"),
    ]


_OURS = """
import sys
import numpy as np, pyarrow.parquet as pq
from sluice.monitor.column_drift import compare
from sluice.sketch import bins
from sluice.sketch.reference import Counted
import time
def counted(made, column):
    if made.type == "number":
        return made.count(made.of_numbers(column.to_numpy()))
    coded = column.combine_chunks().dictionary_encode()
    return made.count(made.of_levels(coded.dictionary.to_pylist())[coded.indices.to_numpy()])
before, now = (pq.ParquetFile(path) for path in sys.argv[1:3])
def column(file, name):
    return file.read([name]).column(name)
start = time.process_time()
references = []
for name in before.schema_arrow.names:
    held = column(before, name)
    if str(held.type) == "double":
        made = bins.of_numbers(name, held.to_numpy())
    else:
        made = bins.of_levels(name, held.to_pylist())
    references.append(Counted(made, tuple(counted(made, held).tolist())))
sketch = time.process_time() - start
for one in references:
    compare(one, counted(one.bins, column(now, one.bins.name)), days=28, floor=.01)
test = time.process_time() - start - sketch
said = f"{sketch:.2f} are for the sketch of the first table, which a package has ready"
open(sys.argv[3], "w").write(f"Of the CPU seconds of sluice, {said}, and {test:.2f} for the test.")
"""
_EVIDENTLY = """
import sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
reference, now = (pd.read_parquet(path) for path in sys.argv[1:3])
Report([DataDriftPreset()]).run(now, reference).dict()
"""
_NANNYML = """
import sys
import nannyml, pandas as pd
reference, now = (pd.read_parquet(path) for path in sys.argv[1:3])
names = list(reference.columns)
made = nannyml.UnivariateDriftCalculator(column_names=names, chunk_number=1)
made.fit(reference).calculate(now)
"""


def drift(folder: Path, peers: dict[str, Path], *, rows: int) -> list[str]:
    """A million rows compared with a million rows, in 15 numbers and 5 categories."""
    random = np.random.default_rng(2)
    for name in ("before", "now"):
        columns = {f"n{at}": random.standard_normal(rows) for at in range(15)}
        levels = np.array([f"level {at}" for at in range(12)])
        columns |= {f"c{at}": levels[random.integers(0, 12, rows)] for at in range(5)}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    paths = (folder / "before.parquet", folder / "now.parquet")
    lines = [
        f"{rows:,} rows of 15 numbers and 5 categories, compared with another table of this size; "
        "reading the two files is included",
        "",
        "| | s | CPU s | memory, MiB |",
        "| --- | --- | --- | --- |",
        timed(sys.executable, "-c", _OURS, *paths, folder / "parts").row("sluice: sketch and test"),
    ]
    code = {"Evidently": _EVIDENTLY, "NannyML": _NANNYML}
    for name, python in peers.items():
        lines.append(
            timed(python, "-c", code[name], *paths, NML_DISABLE_USAGE_LOGGING="1").row(name)
        )
    return [*lines, "", (folder / "parts").read_text("utf-8")]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--package", type=Path)
    asked.add_argument("--records", type=int, default=10_000_000)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--evidently", type=Path, metavar="PYTHON")
    asked.add_argument("--nannyml", type=Path, metavar="PYTHON")
    given = asked.parse_args()
    package = given.package or seal.newest(ROOT / "dist")
    peers = {"Evidently": given.evidently, "NannyML": given.nannyml}
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    try:
        known = {name: python for name, python in peers.items() if python}
        lines = [
            _HEAD,
            f"Machine: {platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}. The load average before the run was {load:.2f}.",
            *("", "## Drift", "", *drift(folder, known, rows=given.rows)),
            *("", "## A simulated year", ""),
            *monitor_year.lines(Project(ROOT), package, folder, known),
            *("", "## The log", "", *log(package, folder, rows=given.records, hosts=50, days=6)),
        ]
    finally:
        shutil.rmtree(folder)
    text = "\n".join(lines) + "\n"
    PAGE.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
