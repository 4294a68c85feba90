"""Measure models for segments: `make bench-segments`, with `SEGMENTS="10 1000"`.

Each segment has 300 rows and effects of its own. One segment in 50 has flipped labels in its
training rows, one has a single class, and one has three rows. Every stage of dvc.yaml runs as a
process of its own; then the package is built, verified, and scores all rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from pipeline import copy, dvc
from scale import measure, show, timed
from sluice.config import load
from sluice.files import read_json
from sluice.train.split import assign

_ROWS = 300  # rows of a segment
_BAD = 50  # one segment in so many has each fault
_ADOPTED = 10  # segments of the table that is adopted first
_FILE = "data/segments.parquet"
_ODD = ['a "quoted", name', " leading space", "line\nbreak", "é'\\;", "0", "\u202eright"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("segments", type=int, nargs="*", default=[10, 1_000, 10_000])
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="sluice-segments-") as scratch:
        project = copy(Path(scratch) / "project")
        adopt(project)
        for count in options.segments:
            run(project, count)


def adopt(project: Path) -> None:
    """Adopt a small table, whose settings then hold for all numbers of segments."""
    table = project.parent / Path(_FILE).name
    drawn(_ADOPTED).to_parquet(table, index=False)
    command = [sys.executable, "-m", "sluice.cli", "adopt", table, "--target", "late", "--id", "id"]
    options = ["--group", "none", "--sensitive", "side", "--segments", "store"]
    if timed(project, *command, *options).status:
        sys.exit((project.parent / "log.txt").read_text())
    yaml, path = YAML(), project / "params.yaml"
    params = yaml.load(path)
    params["quality"]["rows"] = _ROWS
    yaml.dump(params, path)


def drawn(count: int) -> pd.DataFrame:
    """The rows of this many segments; the same number always gives the same rows."""
    random = np.random.default_rng([count, 14])
    names = [*_ODD, *(f"store {n}" for n in range(count))][:count]
    each = np.full(count, _ROWS)
    each[_BAD - 1 :: _BAD] = 3
    at = np.repeat(np.arange(count), each)
    own = random.normal(0.5, 1.5, (count, 4))
    given = random.uniform(-2, 2, (len(at), 4)).round(3)
    pull = (given * own[at]).sum(axis=1) + random.logistic(size=len(at))
    frame = pd.DataFrame(given, columns=list("abcd"))
    frame["side"] = np.where(random.random(len(at)) < 0.5, "left", "right")
    frame["store"] = np.array(names, object)[at]
    frame["late"] = np.where((pull > 0) | (at % _BAD == _BAD - 2), "yes", "no")
    frame.insert(0, "id", [f"r{n:08}" for n in random.permutation(len(at))])
    return frame


def flip(frame: pd.DataFrame, project: Path) -> None:
    """Flip the training labels of one segment in `_BAD`, in place."""
    part = assign(frame, load(project / "params.yaml").split, "id")
    place = pd.factorize(frame["store"])[0]
    bad = (place % _BAD == _BAD - 3) & (part == "train")
    frame.loc[bad, "late"] = frame.loc[bad, "late"].map({"yes": "no", "no": "yes"})


def run(project: Path, count: int) -> None:
    """Build a package of this many segments, and let it score the rows."""
    frame = drawn(count)
    flip(frame, project)
    frame.to_parquet(project / _FILE, index=False)
    dvc(project, "add", "--quiet", "data")
    print(f"\n{count:,} segments, {len(frame):,} rows")
    print(f"{'stage':<22}{'CPU s':>9}{'wall s':>9}{'MiB':>9}", flush=True)
    measure(project, None)
    for finding in read_json(project / "out/verdicts/performance.json")["findings"]:
        if "segment" in finding["name"]:
            print(f"  {finding['status']}: {finding['why']}", flush=True)
    sluice = [sys.executable, "-P", "-m", "sluice.cli"]
    show("package build", timed(project, *sluice, "package", "build"))
    archive = max((project / "dist").glob("*.tar"), key=os.path.getmtime, default=None)
    if archive is None:
        sys.exit((project.parent / "log.txt").read_text()[-2000:])
    show("package verify", timed(project, *sluice, "package", "verify", archive))
    rows, out = project.parent / "rows.parquet", project.parent / "scores.parquet"
    frame.drop(columns=["side", "late"]).to_parquet(rows, index=False)
    out.unlink(missing_ok=True)
    show("score", timed(project, *sluice, "score", archive, rows, out))
    used = pd.read_parquet(out)["segment"].nunique()
    print(f"  {used:,} segments used their own models", flush=True)


if __name__ == "__main__":
    main()
