"""Measure the pipeline from data to package: `make bench`.

Works on a copy of the project in a temporary folder. Prints seconds, and their ratio to
the time of the whole pipeline from scratch on the unchanged data.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from sluice.config import load

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--times",
        type=int,
        nargs="*",
        default=[10, 100],
        help="also run on the data repeated so many times",
    )
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as scratch:
        project = copy(Path(scratch) / "project")
        whole = timed("the whole pipeline from scratch", project)
        timed("nothing changed", project, whole)
        timed("the command line's --help", project, whole, "--help")
        change_last_candidate(project)
        timed("one candidate's parameter changed", project, whole)
        for times in options.times:
            multiply(project, times)
            timed(f"from scratch, {times} times the rows", project, whole)


def copy(target: Path) -> Path:
    """Clone the current commit, and pull its data with DVC."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    dvc(target, "pull", "--quiet", "data.dvc")
    return target


def timed(what: str, project: Path, whole: float | None = None, *arguments: str) -> float:
    """Run a command and print its time; returns seconds. whole: the time to compare with."""
    command = [sys.executable, "-m", "sluice.cli", *(arguments or ("package", "build"))]
    log = project.parent / "log.txt"
    started = time.perf_counter()
    with log.open("w") as out:
        done = subprocess.run(
            command, check=False, cwd=project, stdout=out, stderr=subprocess.STDOUT
        )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{what}: ended with status {done.returncode}\n{log.read_text()[-2000:]}")
    ratio = f"{seconds / whole:8.3f}" if whole else "   1.000"
    print(f"{what:<40}{seconds:9.2f} s {ratio}", flush=True)
    return seconds


def change_last_candidate(project: Path) -> None:
    """Change a parameter of the last candidate, as a person would."""
    yaml, path = YAML(), project / "params.yaml"
    params = yaml.load(path)
    name = list(params["candidates"])[-1]
    parameters = params["candidates"][name]["parameters"]
    key = next(k for k, v in parameters.items() if isinstance(v, int))
    parameters[key] += 1
    yaml.dump(params, path)


def multiply(project: Path, times: int) -> None:
    """Repeat the rows with new ids, and shift integers of wide columns by up to 50."""
    shutil.rmtree(project / "out")
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=project, check=True)
    dvc(project, "checkout", "--quiet", "--force", "data.dvc")
    settings = load(project / "params.yaml")
    path = project / settings.data.file
    frame = pd.read_csv(path)
    many = pd.concat([frame] * times, ignore_index=True)
    random = np.random.default_rng(0)
    for name in settings.features:
        column = settings.columns[name]
        if column.type == "integer" and frame[name].nunique() > 100:
            moved = many[name] + random.integers(-50, 51, len(many))
            many[name] = moved.clip(frame[name].min(), frame[name].max())
    if settings.data.id is not None:
        many[settings.data.id] = np.arange(1, len(many) + 1)
    many.to_csv(path, index=False)
    dvc(project, "add", "--quiet", "data")


def dvc(project: Path, *arguments: str) -> None:
    """Run DVC in the project."""
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=project, check=True)


if __name__ == "__main__":
    main()
