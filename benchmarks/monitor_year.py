"""Three tools monitor one simulated year: false alarms without drift, and the days to find drift.

The year is that of `sluice monitor rehearse`, up to the end of its drift. Evidently and NannyML
check the rows of each day, with their defaults and the training rows as the reference; sluice uses
its monitors.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.monitor.rehearse import play
from sluice.monitor.rehearse.play import Rehearsal
from sluice.monitor.rehearse.traffic import Script
from sluice.project import Project

# Each peer prints, for each day, the columns that it calls drifted.
_EVIDENTLY = """
import json, sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
reference, year = (pd.read_parquet(path) for path in sys.argv[1:3])
for _, now in year.groupby("day"):
    made = Report([DataDriftPreset()]).run(now[reference.columns], reference)
    found = []
    for one in made.dict()["metrics"]:
        given = one["config"]
        if given["type"].endswith("ValueDrift"):
            # A distance is drift from the threshold on, a p-value below it.
            over = one["value"] >= given["threshold"]
            if over != ("p_value" in given["method"]):
                found.append(given["column"])
    print(json.dumps(found))
"""
_NANNYML = """
import json, sys
import nannyml, pandas as pd
reference, year = (pd.read_parquet(path) for path in sys.argv[1:3])
names = list(reference.columns)
# Without a last chunk of few rows, which would raise its thresholds.
chunks = nannyml.chunk.SizeBasedChunker(int(sys.argv[3]), incomplete="drop")
made = nannyml.UnivariateDriftCalculator(column_names=names, chunker=chunks)
made.fit(reference)
made.chunker = nannyml.chunk.CountBasedChunker(1)  # a day, whatever its number of rows
for _, now in year.groupby("day"):
    found = made.calculate(now[names]).filter(period="analysis").to_df()
    alert = {name: found[name].xs("alert", axis=1, level=1) for name in names}
    print(json.dumps([name for name in names if alert[name].to_numpy().any()]))
"""
_CODE = {"Evidently": _EVIDENTLY, "NannyML": _NANNYML}


def lines(project: Project, package: Path, folder: Path, peers: dict[str, Path]) -> list[str]:
    """The table. peers: for each peer, the interpreter of an environment that has it."""
    return compared(
        project, play.play(project, package, folder / "year", Script(), say=print), folder, peers
    )


def compared(
    project: Project, played: Rehearsal, folder: Path, peers: dict[str, Path]
) -> list[str]:
    """The table of a year that was played in the folder `year`."""
    start, end = played.drift
    given = _tables(project, folder, end)
    rows = sum(one.rows for one in played.said) // played.days
    alarms = {"sluice": [set(one.alarms) for one in played.said[:end]]}
    for name, python in peers.items():
        command = [python, "-c", _CODE[name], *given, str(rows)]
        said = subprocess.check_output(command, env={"NML_DISABLE_USAGE_LOGGING": "1"}, text=True)
        printed = [line for line in said.splitlines() if line.startswith("[")]
        alarms[name] = [set(json.loads(line)) for line in printed]
    return [
        f"{end} days with about {rows} rows each, compared with the training rows; nothing drifts "
        f"before day {start} except the seasons, by at most a twentieth of a standard deviation. "
        f"From that day on, {played.drifting} is higher by half a standard deviation. Each tool "
        "looks every day, with its defaults.",
        "",
        f"| | days with an alarm before day {start} | first alarm of {played.drifting} from then "
        "on | days with such an alarm |",
        "| --- | --- | --- | --- |",
        *(_row(name, found, played) for name, found in alarms.items()),
    ]


def _tables(project: Project, folder: Path, end: int) -> tuple[Path, Path]:
    """The training rows, and the log's rows of the first days with their day, in its columns."""
    logged = pq.read_table(folder / "year/log")
    features = logged.column("features").combine_chunks()
    names = [features.type.field(at).name for at in range(features.type.num_fields)]
    day = logged.column("time").cast("date32[day]").cast("int32").to_numpy()
    day = day - day.min()
    columns = dict(zip(names, features.flatten(), strict=True))
    held = pa.table({**columns, "day": day}).filter(pa.array(day < end))
    year, reference = folder / "rows.parquet", folder / "reference.parquet"
    pq.write_table(held, year)
    train = pq.read_table(project.split("train"), columns=names)
    # In random order, like the rows of the year, because NannyML compares the parts of the
    # reference with each other.
    pq.write_table(train.take(np.random.default_rng(1).permutation(len(train))), reference)
    return reference, year


def _row(name: str, alarms: list[set[str]], played: Rehearsal) -> str:
    start, end = played.drift
    quiet = sum(bool(found) for found in alarms[:start])
    hit = [at for at, found in enumerate(alarms) if at >= start and played.drifting in found]
    first = f"day {hit[0]}" if hit else "never"
    return f"| {name} | {quiet} of {start} | {first} | {len(hit)} of {end - start} |"
