"""`sluice monitor` judges each segment of a model that has one for each store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sluice.errors import SluiceError
from sluice.monitor import learning, summaries
from sluice.monitor.cache import Cache
from sluice.monitor.log_files import find
from sluice.package import parts, reference
from sluice.package.archive import opened
from sluice.project import Project as Files
from sluice.sketch.reference import Reference, decode, encode
from support.command_line import CommandLine
from support.fixture_project import Ran, Toy
from support.monitor import END, Logged, put_log
from support.package_parts import Package
from support.segments import Project, table

DRIFT, LOSS = "drift/score by segment", "ground-truth/loss by segment"


@dataclass
class Stores:
    """A package with a model for each store, and a folder for its logs."""

    package: Path
    logged: Logged
    folder: Path
    command_line: CommandLine

    def put(self, frame: pd.DataFrame, **kinds: Any) -> pd.DataFrame:
        """Log the rows of 28 days; returns their labels."""
        ids = [f"n{at}" for at in range(len(frame))]
        put_log(self.folder / "log", self.logged, frame, days=28, ids=ids, **kinds)
        return pd.DataFrame({"id": ids, "truth": frame["late"], "known_at": "2026-04-05"})

    def run(self, command: str, *more: str) -> Ran:
        given = ["--package", str(self.package), "--until", str(END)]
        cache = ["--cache", str(self.folder / "cache")]
        log = str(self.folder / "log")
        return self.command_line.run(self.folder, "monitor", command, log, *given, *cache, *more)

    @property
    def reference(self) -> Reference:
        with opened(self.package) as package:
            return package.reference


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a model for each store."""
    root = tmp_path_factory.mktemp("stores")
    toy = Project.put(root, "binary").toy
    for stage in (["split"], ["train", "linear"], ["select"], ["export"], ["check", "performance"]):
        toy.sluice(*stage).went_well()
    return root


@pytest.fixture(scope="module")
def package(built: Callable[[str], Toy], trained: Path) -> Path:
    """The model of the stores, in the package of another project."""
    swapped = Package.read(built("binary").package)
    for place, name in (
        ("model/model.onnx", "out/model/model.onnx"),
        ("model/signature.json", "out/model/signature.json"),
        (parts.PARAMS, "params.yaml"),
        ("reports/evidence/performance/metrics.json", "out/evidence/performance/metrics.json"),
    ):
        swapped.contents[place] = (trained / name).read_bytes()
    swapped.contents[parts.REFERENCE] = encode(reference.measure(Files(trained)))
    archive = trained / "stores.tar"
    archive.write_bytes(swapped.seal())
    return archive


@pytest.fixture
def stores(package: Path, tmp_path: Path, command_line: CommandLine) -> Stores:
    return Stores(package, Logged.of_package(package), tmp_path, command_line)


def new_rows() -> pd.DataFrame:
    """Rows of the same kind as in training, in another order."""
    return table(seed=11).sample(frac=1, random_state=2).reset_index(drop=True)


def findings(ran: Ran) -> dict[str, Any]:
    return {found["name"]: found for found in json.loads(ran.out)["findings"]}


def test_one_store_that_changes_is_named_in_findings_and_report(stores: Stores) -> None:
    frame = new_rows()
    moved = frame["store"] == "store 5"
    frame.loc[moved, "weight"] += 2.5
    lied = frame["store"] == "store 9"
    frame.loc[lied, "late"] = frame.loc[lied, "late"].map({"yes": "no", "no": "yes"})
    labels = stores.put(frame)
    labels.to_csv(stores.folder / "labels.csv", index=False)

    ran = stores.run("run", "--labels", "labels.csv", "--out", "out")
    assert ran.status == 1, ran.said
    said = json.loads((stores.folder / "out/monitor.json").read_text())
    found = {f["name"]: f for verdict in said["verdicts"] for f in verdict["findings"]}
    assert found[DRIFT]["status"] == found[LOSS]["status"] == "fail"
    assert "the scores of 1 of" in found[DRIFT]["why"]
    assert "'store 5' (" in found[DRIFT]["why"]
    assert "'store 9' (by" in found[LOSS]["why"]
    assert said["segments"]["worst"][0]["name"] == "'store 5'"
    assert said["truth"]["segments"]["worst"][0]["name"] == "'store 9'"
    for name in ("monitor.md", "monitor.html"):
        page = (stores.folder / "out" / name).read_text()
        assert "store 5" in page, name
        assert "store 9" in page, name


def test_rows_of_the_same_kind_pass(stores: Stores) -> None:
    frame = new_rows()
    tiny = frame["store"].isin(["tiny", "store 3"])
    few = frame[~tiny | (np.arange(len(frame)) % 50 == 0)]
    labels = stores.put(few)
    labels.to_parquet(stores.folder / "labels.parquet", index=False)
    drift = findings(stores.run("drift", "--json"))[DRIFT]
    assert drift["status"] == "pass", drift
    assert drift["n"] == len(few)
    segments = len(stores.reference.segments.segments)
    assert f"1 of {segments} segments, with" in drift["why"]
    loss = findings(stores.run("truth", "--labels", "labels.parquet", "--json"))[LOSS]
    assert loss["status"] == "pass", loss
    assert "too few labels" in loss["why"]


def test_a_log_without_segments_is_insufficient_and_says_so(stores: Stores) -> None:
    stores.put(new_rows()[:3_000])
    for path in (stores.folder / "log").glob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns("segment"), path)
    ran = stores.run("drift", "--json")
    assert ran.status != 0
    found = findings(ran)[DRIFT]
    assert found["status"] == "insufficient"
    assert "the segment is not in the log, in 28 files" in found["why"]


def test_a_package_without_counts_of_segments_is_insufficient(stores: Stores) -> None:
    """Packages of earlier versions have no such counts."""
    stores.put(new_rows()[:300])
    old = Package.read(stores.package)
    plain = msgspec.structs.replace(stores.reference, segments=None)
    old.contents[parts.REFERENCE] = encode(plain)
    stores.package = stores.folder / "old.tar"
    stores.package.write_bytes(old.seal())
    ran = stores.run("drift", "--json")
    assert ran.status == 3
    assert "has no counts of its segments: build it again" in findings(ran)[DRIFT]["why"]


def test_summaries_count_the_named_segments_and_all_others_together(stores: Stores) -> None:
    frame = new_rows()[:800]
    stores.put(frame.assign(store=frame["store"].replace("store 4", "a new one")), segment=True)
    known = stores.reference.segments
    made = summaries.of_log(str(stores.folder / "log"), stores.reference, None)
    counted: dict[str, int] = {}
    for cell in (cell for one in made for cell in one.cells):
        assert sum(map(sum, cell.segments.values())) == cell.rows
        for place, counts in cell.segments.items():
            name = known.segments[place].name
            counted[name] = counted.get(name, 0) + sum(counts)
    own = frame["store"][frame["store"].isin(known.names) & (frame["store"] != "store 4")]
    expected = own.value_counts().to_dict()
    assert counted.pop("") == len(frame) - len(own)
    assert counted == expected


def test_cached_summaries_of_other_segments_are_not_used(stores: Stores) -> None:
    stores.put(new_rows()[:300])
    log, kept, own = str(stores.folder / "log"), stores.folder / "cache", stores.reference
    plain = msgspec.structs.replace(own, segments=None)
    summaries.of_log(log, plain, kept)
    assert all(Cache(kept, log, plain).find(file) for file in find(log))
    assert not any(Cache(kept, log, own).find(file) for file in find(log))


def test_a_damaged_reference_is_refused(stores: Stores) -> None:
    known = stores.reference.segments
    short = msgspec.structs.replace(known.segments[0], scores=(1, 2))
    for changed in ((short, *known.segments[1:]), known.segments[::-1]):
        wrong = msgspec.structs.replace(known, segments=changed)
        with pytest.raises(SluiceError, match=r"reference\.json: .*segment"):
            decode(
                encode(msgspec.structs.replace(stores.reference, segments=wrong)), "reference.json"
            )


def test_the_learning_curve_of_models_of_segments_says_what_more_rows_would_gain(
    trained: Path,
) -> None:
    few, many = (learning.expected_gain(Files(trained), more) for more in (100, 100_000))
    assert few is not None
    assert many is not None
    assert 0 < few < many < 0.2
