"""Measure the pipeline on more and more rows: `make bench-scale`, with `ROWS="30000 300000"`.

The table has the example's 25 columns, in a folder of Parquet parts (many_rows.py). Every stage of
dvc.yaml runs as a process of its own, in the order of the file. The memory of a stage is the
largest sum of the resident memory of all its processes, looked up every 50 ms. For comparison, the
same work is done in plain pandas and scikit-learn (plain_work.py).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from ruamel.yaml import YAML

import many_rows
from pipeline import copy
from sluice.files import read_json, read_yaml

HERE = Path(__file__).parent
_PARTS = "data/rows"
_SAMPLE = 0.05  # seconds
_MIB = 2**20
# A run adds its model to judged.jsonl after `export` and before the gates.
_RECORD = """
import pathlib
from sluice import judged, project
judged.record(project.Project(pathlib.Path()))
"""


@dataclass(frozen=True)
class Took:
    """Wall and CPU seconds of a command and its children, and their peak memory in MiB."""

    wall: float
    cpu: float
    memory: float
    status: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[30_000, 300_000, 3_000_000])
    parser.add_argument("--stages", nargs="*", help="only these, for example: data-quality split")
    parser.add_argument("--folder", type=Path, help="a new folder to work in, which is left there")
    parser.add_argument("--without-plain", action="store_true")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    if options.folder is not None:
        options.folder.mkdir()
        run(options, options.folder)
        return
    with tempfile.TemporaryDirectory(prefix="sluice-scale-") as scratch:
        run(options, Path(scratch))


def run(options: argparse.Namespace, folder: Path) -> None:
    """Measure every number of rows in a copy of the project."""
    project = copy(folder / "project")
    source = many_rows.Source.of(project)
    set_parts(project)
    for rows in options.rows:
        many_rows.write(source, project / _PARTS, rows)
        print(f"\n{rows:,} rows\n{'stage':<22}{'CPU s':>9}{'wall s':>9}{'MiB':>9}", flush=True)
        measure(project, options.stages)
        if not options.without_plain:
            code = [sys.executable, HERE / "plain_work.py", project / _PARTS]
            show("plain pandas", timed(project, *code))


def set_parts(project: Path) -> None:
    """Let params.yaml name the folder of parts, and allow the differences of the invented rows."""
    yaml, path = YAML(), project / "params.yaml"
    params = yaml.load(path)
    params["data"]["file"] = _PARTS
    params["fairness"]["bounds"]["selection_rate_difference"] = {"high": 0.15}
    params["fairness"]["bounds"]["selection_rate_ratio"] = {"low": 0.6}
    yaml.dump(params, path)


def measure(project: Path, chosen: list[str] | None) -> None:
    """Run every stage of the pipeline, and print what it takes and what its gate says."""
    all_of_them = []
    for name, command in stages(project):
        if chosen and name not in chosen:
            continue
        took = timed(project, *command)
        all_of_them.append(took)
        show(name, took, verdict(project, name))
    cpu, wall = (sum(getattr(took, key) for took in all_of_them) for key in ("cpu", "wall"))
    most = max(took.memory for took in all_of_them)
    show("all stages", Took(wall, cpu, most, 0))


def stages(project: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands of dvc.yaml, one for each candidate, in the order of the file."""
    command = [sys.executable, "-P", "-m", "sluice.cli"]
    candidates = read_yaml(project / "params.yaml")["candidates"]
    for name, stage in read_yaml(project / "dvc.yaml")["stages"].items():
        if "matrix" in stage:
            for candidate in candidates:
                yield f"{name} {candidate}", [*command, "train", candidate]
            continue
        yield name, [*command, *stage["cmd"].split()[1:]]
        if name == "export":
            yield "judged.jsonl", [sys.executable, "-c", _RECORD]


def timed(project: Path, *command: str | Path) -> Took:
    """Run a command; its CPU seconds are those of all processes that it waited for."""
    with (project.parent / "log.txt").open("w") as log:
        before, start = os.times(), time.perf_counter()
        with subprocess.Popen(
            command, cwd=project, stdout=log, stderr=subprocess.STDOUT
        ) as process:
            memory = 0.0
            while process.poll() is None:
                memory = max(memory, resident(process.pid))
                time.sleep(_SAMPLE)
        after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return Took(time.perf_counter() - start, used, memory, process.returncode)


def resident(number: int) -> float:
    """The resident memory of a process and its descendants, in MiB."""
    total = 0
    try:
        parent = psutil.Process(number)
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue  # the process has ended in the meantime
    except psutil.Error:
        return 0.0
    return total / _MIB


def verdict(project: Path, name: str) -> str:
    """What a gate says, or nothing for another stage."""
    path = project / "out/verdicts" / f"{name}.json"
    return str(read_json(path)["status"]) if path.is_file() else ""


def show(name: str, took: Took, says: str = "") -> None:
    says = says or (f"ended with status {took.status}" if took.status else "")
    print(f"{name:<22}{took.cpu:9.1f}{took.wall:9.1f}{took.memory:9,.0f}  {says}", flush=True)


if __name__ == "__main__":
    main()
