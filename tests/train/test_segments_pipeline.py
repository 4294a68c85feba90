"""Segments in the complete pipeline: trained, judged, exported, served and scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sluice import config
from sluice.config import Split
from sluice.expected import require as require_asked_findings
from sluice.train.split import assign
from sluice.verdict import Verdict
from support.command_line import CommandLine
from support.fixture_project import Toy
from support.package_parts import Package
from support.segments import ODD, SPLIT, TARGETS, Project, table
from support.serving.server import RunningServer, running

FOREST = """\
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import Pipeline

from sluice.train.columns import for_forests


def forest(task, columns, seed):
    model = ExtraTreesClassifier(random_state=seed)
    return Pipeline([("columns", for_forests(columns)), ("model", model)])


CANDIDATES = {"extra_trees": forest}
TRUSTED = ()
"""


@pytest.fixture
def task() -> str:
    return "binary"


@pytest.fixture
def project(tmp_path: Path, command_line: CommandLine, task: str) -> Project:
    return Project.put(tmp_path, task, command_line)


def as_list(score: float | dict[str, float]) -> list[float]:
    return list(score.values()) if isinstance(score, dict) else [score]


def one_row(server: RunningServer, record: dict[str, Any]) -> dict[str, list[Any]]:
    """The outputs of a request for one row by the Open Inference Protocol."""
    kinds = {"slope": "FP64", "weight": "FP64", "store": "BYTES"}
    inputs = [
        {"name": name, "shape": [1, 1], "datatype": kind, "data": [record[name]]}
        for name, kind in kinds.items()
    ]
    answer = server.infer({"inputs": inputs}).json
    return {output["name"]: output["data"] for output in answer["outputs"]}


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_segments_are_trained_judged_served_and_scored(
    project: Project,
    task: str,
    built: Callable[[str], Toy],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for stage in (["split"], ["train", "linear"], ["select"], ["export"], ["check", "parity"]):
        project.run(*stage).went_well()
    ran = project.run("check", "performance")
    found = project.toy.findings("performance")
    assert ran.status == 0, json.dumps(found, indent=1)

    tried = project.toy.json("out/selection.json")["candidates"]["linear"]["segments"]
    status = {one["name"]: one["status"] for one in tried}
    assert status["flipped"] == "fail"
    lacking = {"constant"} if task == "binary" else {"constant", "lacking"}
    without = {"tiny", *lacking}
    assert without.isdisjoint(status), "they cannot have a model of their own"
    assert status[ODD] == "pass"
    share = found["performance/share of segments served by the model for all rows"]
    assert "'flipped'" in share["why"]
    assert found["performance/gain over the model for all rows"]["status"] == "pass"
    shown = project.toy.json("out/evidence/performance/segments_summary.json")
    reasons = {name: other["reason"] for other in shown["others"] for name in other["largest"]}
    assert "its own model is worse" in reasons["flipped"]
    assert all("no row of one of the classes" in reasons[name] for name in lacking)
    assert "fewer than 100 training rows" in reasons["tiny"]
    assert shown["own"] + len(reasons) == shown["segments"]
    # As 'sluice package verify' compares the verdict with the settings beside it.
    path = project.toy.root / "out/verdicts/performance.json"
    given = config.load(project.toy.root / "params.yaml")
    require_asked_findings(Verdict.read(path.read_bytes(), path.name), given, path.name)

    swapped = Package.read(built(task).package)
    for name in ("model.onnx", "signature.json"):
        swapped.contents[f"model/{name}"] = (project.toy.root / "out/model" / name).read_bytes()
    folder = tmp_path_factory.mktemp("swapped")
    archive = folder / "segments.tar"
    archive.write_bytes(swapped.seal())
    rows = table(task)[["key", "weight", "slope", "store"]].drop_duplicates("store")
    rows = pd.concat([rows, rows.iloc[:1].assign(store="nowhere")], ignore_index=True)
    rows.to_parquet(folder / "rows.parquet", index=False)
    project.run("score", str(archive), str(folder / "rows.parquet"), str(folder / "out.parquet"))
    batch = pq.read_table(folder / "out.parquet").to_pydict()
    on_global = {"flipped", "nowhere", *without}
    expected = [None if name in on_global else name for name in rows["store"]]
    kept = [status.get(name, "pass") == "pass" for name in rows["store"]]
    expected = [name if keep else None for name, keep in zip(expected, kept, strict=True)]
    assert batch["segment"] == expected

    records = rows.to_dict("records")
    with running(archive, folder) as server:
        plain = server.score(*records).json["results"]
        single = [one_row(server, record) for record in records]
        logged = server.logged()
    columns = ["score"] if task == "binary" else [f"score.{name}" for name in TARGETS[task][1]]
    scores = [list(row) for row in zip(*(batch[name] for name in columns), strict=True)]
    # The last bit of a softmax depends on the number of rows.
    assert np.allclose([answer["score"] for answer in single], scores, rtol=1e-13, atol=0)
    assert np.allclose([as_list(answer["score"]) for answer in plain], scores, rtol=1e-13, atol=0)
    assert [answer["segment"] for answer in plain] == expected
    assert [answer["segment"][0] or None for answer in single] == expected
    assert [record["segment"] for record in logged] == expected * 2


def test_boosted_trees_of_segments_are_judged_and_exported_exactly(project):
    with project.toy.params() as changed:
        changed["data"]["segments"] = {"column": "store", "trees": 30}
        changed["candidates"] = {
            "trees": {"model": "native_boosting", "parameters": {"max_iter": 9}}
        }
    for stage in (["split"], ["train", "trees"], ["select"], ["export"], ["check", "parity"]):
        project.run(*stage).went_well()
    assert project.toy.findings("parity")["parity/edges/difference"]["n"] > 500
    tried = project.toy.json("out/selection.json")["candidates"]["trees"]["segments"]
    status = {one["name"]: one["status"] for one in tried}
    assert status["flipped"] == "fail"
    assert status[ODD] == "pass"
    assert {"constant", "tiny"}.isdisjoint(status)
    assert list(status.values()).count("pass") > 10


def test_a_segment_whose_groups_are_treated_unequally_is_refused(project):
    """In all rows together, the difference between the groups is small."""
    data = table("binary")
    unequal = data["store"] == "store 3"
    left = data["side"] == "left"
    data.loc[unequal & left, ["weight", "late"]] = [3.0, "yes"]
    data.loc[unequal & ~left, ["weight", "late"]] = [-3.0, "no"]
    project.toy.write_data(data)
    with project.toy.params() as changed:
        changed["fairness"]["group_rows"] = 30
        changed["fairness"]["bounds"] = {"selection_rate_difference": {"high": 0.2}}
    for stage in (["split"], ["train", "linear"], ["select"], ["export"]):
        project.run(*stage).went_well()
    ran = project.run("check", "fairness")
    assert ran.status == 1
    found = project.toy.findings("fairness")
    refused = found["fairness/side/segments out of bounds"]
    assert refused["status"] == "fail"
    assert "1 out of bounds: 'store 3' (selection_rate difference" in refused["why"]
    assert found["fairness/side/selection_rate difference"]["status"] == "pass"
    assert found["fairness/born/segments out of bounds"]["status"] == "pass"
    # As 'sluice package verify' compares the verdict with the settings beside it.
    path = project.toy.root / "out/verdicts/fairness.json"
    given = config.load(project.toy.root / "params.yaml")
    require_asked_findings(Verdict.read(path.read_bytes(), path.name), given, path.name)


def test_too_many_segments_without_a_good_model_are_refused(project):
    with project.toy.params() as changed:
        changed["performance"]["segments_on_global"] = 0.05
    for stage in (["split"], ["train", "linear"], ["select"], ["export"]):
        project.run(*stage).went_well()
    ran = project.run("check", "performance")
    assert ran.status == 1
    share = project.toy.findings("performance")[
        "performance/share of segments served by the model for all rows"
    ]
    assert share["status"] == "fail"
    assert "'flipped'" in share["why"]


def test_a_bad_model_that_serves_is_refused(project):
    """The validation rows of one segment are wrong too, so only the holdout can show that its model
    is bad.
    """
    frame = table()
    part = assign(frame, Split(**SPLIT), "key")
    lied = (frame["store"] == "flipped") & (part == "validation")
    frame.loc[lied, "late"] = frame.loc[lied, "late"].map({"yes": "no", "no": "yes"})
    project.toy.write_data(frame)
    for stage in (["split"], ["train", "linear"], ["select"], ["export"]):
        project.run(*stage).went_well()
    assert project.run("check", "performance").status == 1
    name = "performance/models of segments that are worse than the one for all rows"
    worse = project.toy.findings("performance")[name]
    assert worse["status"] == "fail"
    assert "'flipped'" in worse["why"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"segments": "nothing"}, "data.segments names 'nothing', which is not a model input"),
        ({"segments": "side"}, "data.segments names 'side', which is not a model input"),
        ({"segments": "weight"}, "data.segments needs columns.weight as a category"),
        ({"segments": {"column": "store", "rows": 5}}, "data.segments.rows"),
    ],
)
def test_a_column_that_cannot_be_the_segment_is_refused(project, change, says):
    with project.toy.params() as changed:
        changed["data"] |= change
    ran = project.run("split")
    assert ran.status == 2
    assert says in ran.line


def test_a_candidate_without_a_form_for_segments_is_refused(project):
    with project.toy.params() as changed:
        changed["candidates"] = {"forest": {"model": "extra_trees"}}
    project.toy.write("src/usecase/candidates.py", FOREST)
    project.run("split").went_well()
    ran = project.run("train", "forest")
    assert ran.status == 2
    assert "only linear models and scikit-learn's HistGradientBoosting" in ran.line


def test_an_id_by_mistake_is_refused(project):
    with project.toy.params() as changed:
        changed["data"]["segments"] = "ticket"
        changed["columns"]["ticket"] = {"type": "category"}
    project.toy.write_data(table().assign(ticket=lambda frame: "t" + frame["key"]))
    project.run("split").went_well()
    ran = project.run("train", "linear")
    assert ran.status == 2
    assert "is it an id?" in ran.line
