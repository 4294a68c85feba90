"""The ground truth of tasks with several classes, and of regressions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, root_mean_squared_error

from sluice import config
from sluice.monitor import summaries
from sluice.monitor.truth import join
from sluice.monitor.truth.join import ScoredLog
from sluice.monitor.windows import Subject
from sluice.package.archive import opened
from sluice.scoring_log.reader import read
from support.command_line import CommandLine
from support.fixture_project import Toy
from support.fixture_project.data import TARGET, table
from support.monitor import END, Logged, put_log

ROWS = 6_000
CLASSES = ["low", "middle", "high"]


def put(toy: Toy, folder: Path, rows: int = ROWS) -> pd.DataFrame:
    """Log rows of 28 days; returns their true labels, known ten days later."""
    task = toy.json("params.yaml")["task"]
    frame = table(task, rows, 26)
    ids = [f"n{at:05d}" for at in range(rows)]
    put_log(folder / "log", Logged.of(toy), frame, days=28, ids=ids)
    times = {record["id"]: record["time"] for record in read(folder / "log")}
    known = pd.to_datetime(pd.Series(ids).map(times), unit="us", utc=True) + pd.Timedelta(days=10)
    return pd.DataFrame({"id": ids, "truth": frame[TARGET[task]], "known_at": known})


def judged(
    toy: Toy, folder: Path, labels: pd.DataFrame, command_line: CommandLine, status: int
) -> dict[str, dict[str, object]]:
    labels.to_parquet(folder / "labels.parquet")
    ran = command_line.run(
        toy.root,
        *("monitor", "truth", str(folder / "log"), "--labels", str(folder / "labels.parquet")),
        *("--package", str(toy.package), "--until", str(END), "--cache", str(folder / "cache")),
        "--json",
    )
    assert ran.status == status, ran.said
    return {f["name"].partition("/")[2]: f for f in json.loads(ran.out)["findings"]}


def metric(task: str, joined: join.Joined) -> tuple[str, float]:
    """A metric of the joined rows by scikit-learn."""
    if task == "regression":
        return "rmse", root_mean_squared_error(joined.truth, joined.scores)
    return "log_loss", log_loss(joined.truth, joined.scores, labels=[0, 1, 2])


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_true_labels_pass_and_have_the_metrics_of_scikit_learn(
    built: Callable[[str], Toy], command_line: CommandLine, tmp_path: Path, task: str
) -> None:
    toy = built(task)
    labels = put(toy, tmp_path)
    said = judged(toy, tmp_path, labels, command_line, 0)
    joined = joined_rows(toy, tmp_path)
    assert len(joined.truth) == ROWS
    name, value = metric(task, joined)
    assert said[name]["estimate"] == pytest.approx(value, rel=1e-6)
    low, high = said[name]["interval"]
    assert low < value < high
    if task == "multiclass":
        balanced = balanced_accuracy_score(joined.truth, joined.decisions)
        assert said["balanced_accuracy"]["estimate"] == pytest.approx(balanced)


def joined_rows(toy: Toy, folder: Path) -> join.Joined:
    """The rows that sluice joined, which must equal those that pandas joins."""
    with opened(toy.package) as package:
        reference, manifest = package.reference, package.manifest
    made = summaries.of_log(str(folder / "log"), reference, None)
    subject = Subject(manifest.name, manifest.version, manifest.digest)
    log = ScoredLog(str(folder / "log"), made, reference, subject)
    joined = join.join(folder / "labels.parquet", log, config.load(toy.root / "params.yaml"))
    scored = pd.DataFrame(
        [{k: r[k] for k in ("id", "time", "score")} for r in read(folder / "log")]
    )
    both = scored.merge(pd.read_parquet(folder / "labels.parquet"), on="id").sort_values(
        ["time", "id"], kind="stable"
    )
    np.testing.assert_allclose(
        np.sort(joined.scores, axis=0), np.sort(np.stack(both["score"].to_list()), axis=0)
    )
    truth = both["truth"]
    if reference.task == "multiclass":
        truth = truth.map(CLASSES.index)
    np.testing.assert_array_equal(np.sort(joined.truth), np.sort(truth.to_numpy()))
    return joined


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_outcomes_by_another_rule_fail(
    built: Callable[[str], Toy], command_line: CommandLine, tmp_path: Path, task: str
) -> None:
    toy = built(task)
    labels = put(toy, tmp_path)
    other = np.random.default_rng(3).random(len(labels)) < 0.7
    shuffled = labels.loc[other, "truth"].sample(frac=1, random_state=1).to_numpy()
    labels.loc[other, "truth"] = shuffled
    said = judged(toy, tmp_path, labels, command_line, 1)
    name = {"multiclass": "log_loss", "regression": "rmse"}[task]
    assert said[name]["status"] == "fail"


def test_copies_of_the_decisions_are_found_among_several_classes(
    built: Callable[[str], Toy], command_line: CommandLine, tmp_path: Path
) -> None:
    toy = built("multiclass")
    labels = put(toy, tmp_path)
    decided = {record["id"]: record["decision"] for record in read(tmp_path / "log")}
    said = judged(toy, tmp_path, labels.assign(truth=labels["id"].map(decided)), command_line, 1)
    assert said["labels that equal the decisions"]["status"] == "fail"


def test_texts_that_are_not_numbers_are_left_out_and_reported(
    built: Callable[[str], Toy], command_line: CommandLine, tmp_path: Path
) -> None:
    toy = built("regression")
    labels = put(toy, tmp_path)
    labels["truth"] = labels["truth"].astype(str)
    labels.loc[labels.index[:200], "truth"] = "n/a"
    labels.loc[labels.index[200:300], "truth"] = "inf"
    said = judged(toy, tmp_path, labels, command_line, 1)
    assert said["labels without a number"]["status"] == "fail"
    assert "300 of 6,000 labels" in str(said["labels without a number"]["why"])
