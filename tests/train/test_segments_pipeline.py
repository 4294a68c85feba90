"""Segments in the complete pipeline: trained, judged, exported, served and scored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
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
from support.fixture_project.build import OWN
from support.fixture_project.params import params
from support.package_parts import Package
from support.serving.server import running

ODD = 'a "quoted", name;\\ é'
SPLIT = {"salt": "toy", "validation": 0.25, "holdout": 0.25, "latest": 0.03}


def table() -> pd.DataFrame:
    """20 stores with different effects, four of which are not suitable for a model of their own.

    "flipped" has its training labels flipped, "constant" has one class, "tiny" has three rows.
    """
    random = np.random.default_rng(3)
    names = [ODD, "flipped", "constant", *(f"store {n}" for n in range(17))]
    at = np.append(np.repeat(np.arange(len(names)), 500), [len(names)] * 3)
    own = np.random.default_rng(4).normal(size=(len(names) + 1, 2)) * 1.5 + 0.5
    own[0] = [3, -2]
    given = random.normal(size=(len(at), 4)).round(3)
    pull = (given[:, :2] * own[at]).sum(axis=1) + random.logistic(size=len(at))
    frame = pd.DataFrame(
        {
            "key": [f"k{n:05d}" for n in range(len(at))],
            "weight": given[:, 0],
            "slope": given[:, 1],
            "side": np.where(given[:, 2] < 0.1, "left", "right"),
            "born": (1975 + given[:, 3] * 12).round().astype(int),
            "store": np.array([*names, "tiny"], object)[at],
            "late": np.where(pull > 0, "yes", "no"),
        }
    )
    train = assign(frame, Split(**SPLIT), "key") == "train"
    flipped = (frame["store"] == "flipped") & train
    frame.loc[flipped, "late"] = frame.loc[flipped, "late"].map({"yes": "no", "no": "yes"})
    frame.loc[frame["store"] == "constant", "late"] = "yes"
    return frame


def settings() -> dict[str, Any]:
    given = params("binary")
    given["data"]["segments"] = "store"
    for name in ("visits", "waste", "colour"):
        del given["columns"][name]
    given["columns"]["weight"] = given["columns"]["slope"] = {"type": "number"}
    given["columns"]["store"] = {"type": "category"}
    given["candidates"] = {"linear": {"model": "linear"}}
    given["split"] = SPLIT
    given["performance"] |= {"bounds": {"roc_auc": {"low": 0.7}}, "segments_on_global": 0.4}
    return given


@dataclass
class Project:
    """A project without DVC, whose stages a test runs one by one."""

    toy: Toy
    command_line: CommandLine

    def run(self, *stage: str) -> Any:
        return self.command_line.run(self.toy.root, *stage, DVC_NO_ANALYTICS="1")


@pytest.fixture
def project(tmp_path: Path, command_line: CommandLine) -> Project:
    for name in ("src/usecase", "docs"):
        shutil.copytree(OWN / name, tmp_path / name)
    toy = Toy(tmp_path)
    toy.write_params(settings())
    toy.write("adopted.yaml", "{}\n")
    toy.write("judged.jsonl", "")
    toy.write_data(table())
    return Project(toy, command_line)


def test_segments_are_trained_judged_served_and_scored(
    project: Project, built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for stage in (["split"], ["train", "linear"], ["select"], ["export"], ["check", "parity"]):
        project.run(*stage).went_well()
    ran = project.run("check", "performance")
    found = project.toy.findings("performance")
    assert ran.status == 0, json.dumps(found, indent=1)

    tried = project.toy.json("out/selection.json")["candidates"]["linear"]["segments"]
    status = {one["name"]: one["status"] for one in tried}
    assert status["flipped"] == "fail"
    assert {"constant", "tiny"}.isdisjoint(status), "they cannot have a model of their own"
    assert status[ODD] == "pass"
    share = found["performance/share of segments served by the model for all rows"]
    assert "'flipped'" in share["why"]
    assert found["performance/gain over the model for all rows"]["status"] == "pass"
    shown = project.toy.json("out/evidence/performance/segments_summary.json")
    reasons = {name: other["reason"] for other in shown["others"] for name in other["largest"]}
    assert "its own model is worse" in reasons["flipped"]
    assert "rows of one class only" in reasons["constant"]
    assert "fewer than 100 training rows" in reasons["tiny"]
    assert shown["own"] + len(reasons) == shown["segments"]
    # As 'sluice package verify' compares the verdict with the settings beside it.
    path = project.toy.root / "out/verdicts/performance.json"
    given = config.load(project.toy.root / "params.yaml")
    require_asked_findings(Verdict.read(path.read_bytes(), path.name), given, path.name)

    swapped = Package.read(built("binary").package)
    for name in ("model.onnx", "signature.json"):
        swapped.contents[f"model/{name}"] = (project.toy.root / "out/model" / name).read_bytes()
    folder = tmp_path_factory.mktemp("swapped")
    archive = folder / "segments.tar"
    archive.write_bytes(swapped.seal())
    rows = table().drop(columns=["side", "born", "late"]).drop_duplicates("store")
    rows = pd.concat([rows, rows.iloc[:1].assign(store="nowhere")], ignore_index=True)
    rows.to_parquet(folder / "rows.parquet", index=False)
    project.run("score", str(archive), str(folder / "rows.parquet"), str(folder / "out.parquet"))
    batch = pq.read_table(folder / "out.parquet").to_pydict()
    on_global = {"flipped", "constant", "tiny", "nowhere"}
    expected = [None if name in on_global else name for name in rows["store"]]
    kept = [status.get(name, "pass") == "pass" for name in rows["store"]]
    expected = [name if keep else None for name, keep in zip(expected, kept, strict=True)]
    assert batch["segment"] == expected

    records = rows.to_dict("records")
    with running(archive, folder) as server:
        plain = server.score(*records).json["results"]
        inputs = [
            {"name": name, "shape": [1, 1], "datatype": kind, "data": [value]}
            for record in records
            for name, kind, value in [
                ("slope", "FP64", record["slope"]),
                ("weight", "FP64", record["weight"]),
                ("store", "BYTES", record["store"]),
            ]
        ]
        single = [
            {o["name"]: o["data"][0] for o in server.infer({"inputs": three}).json["outputs"]}
            for three in (inputs[at : at + 3] for at in range(0, len(inputs), 3))
        ]
        logged = server.logged()
    for answers in (plain, single):
        assert [answer["score"] for answer in answers] == batch["score"]
        assert [answer["segment"] or None for answer in answers] == expected
    assert [record["segment"] for record in logged] == expected * 2


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
    """The validation rows of one segment are also wrong, so only the holdout can show it."""
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


def test_other_than_linear_candidates_are_refused(project):
    with project.toy.params() as changed:
        changed["candidates"] = {"boosting": {"model": "boosting", "parameters": {"max_iter": 2}}}
    project.run("split").went_well()
    ran = project.run("train", "boosting")
    assert ran.status == 2
    assert "only linear candidates" in ran.line


def test_an_id_by_mistake_is_refused(project):
    with project.toy.params() as changed:
        changed["data"]["segments"] = "ticket"
        changed["columns"]["ticket"] = {"type": "category"}
    project.toy.write_data(table().assign(ticket=lambda frame: "t" + frame["key"]))
    project.run("split").went_well()
    ran = project.run("train", "linear")
    assert ran.status == 2
    assert "is it an id?" in ran.line
