"""Three tools watch one simulated year: false alarms without drift, and the days to find one.

The year is that of `sluice monitor rehearse`, with a smaller drift of one input in its last months
and no other change. Evidently and NannyML look once a day at the rows of that day, with their
defaults and the training rows as the reference; sluice looks as its monitors do.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.monitor.rehearse import play
from sluice.monitor.rehearse.traffic import Script
from sluice.project import Project

DAYS, DRIFT = 364, 252
_SHIFT = 0.25  # standard deviations

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
made = nannyml.UnivariateDriftCalculator(column_names=names, chunk_size=int(sys.argv[3]))
made.fit(reference)
for _, now in year.groupby("day"):
    found = made.calculate(now[names]).to_df()
    print(json.dumps([n for n in names if found[n].xs("alert", axis=1, level=1).any(axis=None)]))
"""
_CODE = {"Evidently": _EVIDENTLY, "NannyML": _NANNYML}


def lines(project: Project, package: Path, folder: Path, peers: dict[str, Path]) -> list[str]:
    """The table. peers: by name, the interpreter of an environment that has the peer."""
    script = Script(days=DAYS, drift=(DRIFT, DAYS), shift=_SHIFT, concept=DAYS)
    played = play.play(project, package, folder / "year", script)
    rows = sum(one.rows for one in played.said)
    given = _tables(project, folder)
    alarms = {"sluice": [set(one.alarms) for one in played.said]}
    for name, python in peers.items():
        command = [python, "-c", _CODE[name], *given, str(rows // DAYS)]
        said = subprocess.check_output(command, env={"NML_DISABLE_USAGE_LOGGING": "1"}, text=True)
        printed = [line for line in said.splitlines() if line.startswith("[")]
        alarms[name] = [set(json.loads(line)) for line in printed]
    return [
        f"{DAYS} days with about {rows // DAYS} rows each, and the training rows as the reference. "
        f"From day {DRIFT} on, one column is higher by {_SHIFT} standard deviations. Each tool "
        "looks every day, with its defaults.",
        "",
        "| | days with an alarm before the drift | alarm of that column, days after its start | "
        "days of the drift with an alarm of that column |",
        "| --- | --- | --- | --- |",
        *(_row(name, found, played.drifting) for name, found in alarms.items()),
    ]


def _tables(project: Project, folder: Path) -> tuple[Path, Path]:
    """The training rows, and all rows of the log with their day, in the columns of the log."""
    logged = pq.read_table(folder / "year/log")
    features = logged.column("features").combine_chunks()
    names = [features.type.field(at).name for at in range(features.type.num_fields)]
    columns = dict(zip(names, features.flatten(), strict=True))
    day = logged.column("time").cast("date32[day]").cast("int32")
    year, reference = folder / "rows.parquet", folder / "reference.parquet"
    pq.write_table(pa.table({**columns, "day": day}), year)
    pq.write_table(pq.read_table(project.split("train"), columns=names), reference)
    return reference, year


def _row(name: str, alarms: list[set[str]], drifting: str) -> str:
    quiet = sum(bool(found) for found in alarms[:DRIFT])
    hit = [at for at, found in enumerate(alarms[DRIFT:]) if drifting in found]
    first = f"{hit[0] + 1}" if hit else "never"
    return f"| {name} | {quiet} of {DRIFT} | {first} | {len(hit)} of {DAYS - DRIFT} |"
