"""`sluice monitor truth` joins late labels with the log, and judges performance with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice import config
from sluice.monitor import summaries
from sluice.monitor.truth import join
from sluice.monitor.truth.join import ScoredLog
from sluice.monitor.windows import Subject
from sluice.package.archive import opened
from sluice.scoring_log.reader import read
from support.fixture_project import Ran, Toy
from support.fixture_project.data import table
from support.monitor import Logged, put_log

DAY = pd.Timedelta(days=1)


def rows(count: int, seed: int = 24) -> pd.DataFrame:
    return table("binary", count, seed)


def put(folder: Path, logged: Logged, frame: pd.DataFrame, days: int = 28) -> pd.DataFrame:
    """Log the rows; returns the labels that would become known ten days later."""
    put_log(folder / "log", logged, frame, days=days)
    records = list(read(folder / "log"))
    scored = pd.DataFrame({"id": [r["id"] for r in records], "time": [r["time"] for r in records]})
    order = scored["id"].str.rpartition("-")[2].astype(int)
    known = pd.to_datetime(scored["time"], unit="us", utc=True) + 10 * DAY
    return pd.DataFrame(
        {
            "id": scored["id"],
            "truth": frame["late"].to_numpy()[order],
            "known_at": known.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
    )


def write(labels: pd.DataFrame, folder: Path) -> Path:
    path = folder / "labels.csv"
    labels.to_csv(path, index=False)
    return path


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    return {f["name"].partition("/")[2]: f for f in json.loads(ran.out)["findings"]}


def judged(monitor: Any, folder: Path, labels: pd.DataFrame, status: int) -> dict[str, Any]:
    ran = monitor("truth", folder / "log", "--labels", str(write(labels, folder)), "--json")
    assert ran.status == status, ran.said
    return found(ran)


def test_a_model_that_is_as_good_as_promised_passes(monitor, logged, tmp_path) -> None:
    labels = put(tmp_path, logged, rows(6_000))
    said = judged(monitor, tmp_path, labels, 0)
    assert {f["status"] for f in said.values()} == {"pass"}
    assert "all 6,000 labels could be used" in said["labels"]["why"]
    low, high = said["roc_auc"]["interval"]
    assert low < said["roc_auc"]["estimate"] < high
    assert said["roc_auc"]["n"] == 6_000


def test_outcomes_by_another_rule_fail(monitor, logged, tmp_path) -> None:
    labels = put(tmp_path, logged, rows(6_000))
    other = np.random.default_rng(3).random(len(labels)) < 0.5
    labels.loc[other, "truth"] = (
        labels.loc[other, "truth"].sample(frac=1, random_state=1).to_numpy()
    )
    said = judged(monitor, tmp_path, labels, 1)
    assert {"roc_auc", "change in roc_auc"} <= {n for n, f in said.items() if f["status"] == "fail"}


def test_labels_for_accepted_rows_alone_do_not_bias_the_metric(monitor, logged, tmp_path) -> None:
    """Only one in twenty of the rows that are decided to be late gets a label."""
    labels = put(tmp_path, logged, rows(12_000))
    decisions = {r["id"]: r["decision"] for r in read(tmp_path / "log")}
    decided = labels["id"].map(decisions) == "yes"
    keep = ~decided | (np.random.default_rng(2).random(len(labels)) < 0.05)
    everything = judged(monitor, tmp_path, labels, 0)["roc_auc"]
    ran = monitor(
        "truth", tmp_path / "log", "--labels", str(write(labels[keep], tmp_path)), "--json"
    )
    said = found(ran)["roc_auc"]
    assert said["n"] < 0.7 * everything["n"]
    assert said["estimate"] == pytest.approx(everything["estimate"], abs=0.02)
    assert said["interval"][0] < everything["estimate"] < said["interval"][1]


def test_scores_without_labels_are_not_judged(monitor, logged, tmp_path) -> None:
    labels = put(tmp_path, logged, rows(6_000))
    decisions = {r["id"]: r["decision"] for r in read(tmp_path / "log")}
    accepted = labels[labels["id"].map(decisions) == "no"]
    said = judged(monitor, tmp_path, accepted, 3)
    assert said["scores without labels"]["status"] == "insufficient"
    assert said["scores without labels"]["estimate"] > 0.2


def test_the_join_is_that_of_pandas(green: Toy, logged: Logged, tmp_path: Path) -> None:
    """Duplicates, corrections, contradictions, unknown ids, early labels and two versions."""
    frame = rows(900)
    labels = put(tmp_path, logged, frame, days=9)
    put_log(
        tmp_path / "log",
        logged.named(version="2", digest="e" * 64, instance="two"),
        frame[:300],
        days=9,
    )
    random = np.random.default_rng(6)
    early, corrected, contradicted, same = (labels.sample(40, random_state=k) for k in range(4))
    labels = labels.drop(early.index)
    early = early.assign(known_at="2026-03-01T00:00:00Z")
    later = corrected.assign(known_at="2026-05-01", truth=corrected["truth"].map(_other))
    at_once = contradicted.assign(truth=contradicted["truth"].map(_other))
    strangers = labels.sample(30, random_state=9).assign(id=lambda f: "x" + f["id"])
    dirty = pd.concat([labels, early, later, at_once, same, strangers])
    dirty = dirty.iloc[random.permutation(len(dirty))]
    joined = _join(green, tmp_path, dirty)

    expected = _by_pandas(tmp_path / "log", dirty)
    ours = pd.DataFrame(
        {
            "day": joined.days,
            "truth": joined.truth,
            "score": joined.scores,
            "decision": joined.decisions,
            "version": joined.versions,
        }
    )
    columns = list(ours.columns)
    ours, expected = (
        f.sort_values(columns).reset_index(drop=True) for f in (ours, expected[columns])
    )
    pd.testing.assert_frame_equal(ours, expected, check_dtype=False)
    counted = {problem.name: problem.rows for problem in joined.problems}
    assert counted["of ids that the log does not have"] == 30
    assert counted["that disagree at the same time"] >= 30
    assert counted["that are earlier than the score"] >= 30
    assert joined.corrected == _corrected(dirty) >= len(later)
    assert joined.labels == len(dirty)


def _corrected(labels: pd.DataFrame) -> int:
    """Ids with a valid newest label that differs from an older one."""
    times = pd.to_datetime(labels["known_at"], utc=True, format="ISO8601")
    count = 0
    for _, group in labels.assign(time=times).groupby("id"):
        newest = group[group["time"] == group["time"].max()]["truth"].unique()
        count += len(newest) == 1 and bool((group["truth"] != newest[0]).any())
    return count


def _other(truth: str) -> str:
    return "no" if truth == "yes" else "yes"


def _join(green: Toy, folder: Path, labels: pd.DataFrame) -> join.Joined:
    with opened(green.package) as package:
        reference, manifest = package.reference, package.manifest
    made = summaries.of_log(str(folder / "log"), reference, None)
    subject = Subject(manifest.name, manifest.version, manifest.digest)
    log = ScoredLog(str(folder / "log"), made, reference, subject)
    settings = config.load(green.root / "params.yaml")
    return join.join(write(labels, folder), log, settings)


def _by_pandas(log: Path, labels: pd.DataFrame) -> pd.DataFrame:
    scored = pd.DataFrame(
        [{k: r[k] for k in ("id", "time", "digest", "score", "decision")} for r in read(log)]
    )
    known = pd.to_datetime(labels["known_at"], utc=True, format="ISO8601")
    labels = labels.assign(
        known=(known - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(microseconds=1)
    )
    newest = labels[labels["known"] == labels.groupby("id")["known"].transform("max")]
    single = newest.groupby("id").filter(lambda g: g["truth"].nunique() == 1)
    both = single.drop_duplicates("id").merge(scored, on="id")
    both = both[both["time"] <= both["known"]]
    both = both.sort_values("time").groupby(["id", "digest"]).tail(1)
    return both.assign(
        day=both["time"] // 86_400_000_000,
        truth=(both["truth"] == "yes").astype(int),
        decision=(both["decision"] == "yes").astype(int),
        version=both["digest"],
    )


BAD = {
    "no known_at": (lambda f: f.drop(columns="known_at"), "has no column 'known_at'"),
    "no truth": (lambda f: f.drop(columns="truth"), "has no column 'truth' (or 'late')"),
    "no id": (lambda f: f.drop(columns="id"), "has no column 'id' (or 'key')"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_lacks_a_column_is_an_error(monitor, logged, tmp_path, what) -> None:
    change, why = BAD[what]
    labels = put(tmp_path, logged, rows(60), days=3)
    path = write(change(labels), tmp_path)
    ran = monitor("truth", tmp_path / "log", "--labels", str(path))
    assert (ran.status, ran.out) == (2, "")
    assert why in ran.line
    assert "Traceback" not in ran.err
    # The log is not read before that: it may be large, and this one does not even exist.
    assert monitor("truth", tmp_path / "none", "--labels", str(path)).line == ran.line


def _spelled(labels: pd.DataFrame) -> pd.DataFrame:
    return labels.assign(id="00" + labels["id"].str.upper())


LEFT_OUT = {
    "whose truth is not a class": (
        lambda f: f.assign(truth=f["truth"].where(f.index > 200, "2'; --"))
    ),
    "without a time in known_at": (lambda f: f.assign(known_at=f["known_at"].where(f.index > 200))),
    "without an id": (lambda f: f.assign(id=f["id"].where(f.index > 200))),
    "that are earlier than the score": (lambda f: f.assign(known_at="2020-01-01")),
    "of these, with an id that the log has in another spelling": _spelled,
    "that equal the decisions": None,
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_labels_that_cannot_be_trusted_fail_by_name(monitor, logged, tmp_path, what) -> None:
    labels = put(tmp_path, logged, rows(2_000))
    change = LEFT_OUT[what]
    if change is None:
        decisions = {r["id"]: r["decision"] for r in read(tmp_path / "log")}
        labels["truth"] = labels["id"].map(decisions)
    else:
        labels = change(labels)
    said = judged(monitor, tmp_path, labels, 1)
    assert said[f"labels {what}"]["status"] == "fail", said


def test_a_file_that_is_not_a_table_is_an_error(monitor, logged, tmp_path) -> None:
    put(tmp_path, logged, rows(60), days=3)
    path = tmp_path / "labels.parquet"
    path.write_bytes(b"PAR1 no")
    ran = monitor("truth", tmp_path / "log", "--labels", str(path))
    assert ran.status == 2
    assert "is not a readable file of labels" in ran.line


def test_groups_are_compared_if_the_labels_have_them(monitor, logged, tmp_path) -> None:
    """One side gets a new rule: rows on the right are decided to be late more often."""
    frame = rows(4_000)
    frame.loc[frame["side"] == "right", "slope"] += 1.5
    labels = put(tmp_path, logged, frame)
    without = monitor(
        "run",
        tmp_path / "log",
        "--labels",
        str(write(labels, tmp_path)),
        "--out",
        str(tmp_path / "without"),
    )
    assert "fairness" not in {path.stem for path in (tmp_path / "without/verdicts").iterdir()}
    assert "Traceback" not in without.said
    order = labels["id"].str.rpartition("-")[2].astype(int)
    labels["side"] = frame["side"].to_numpy()[order]
    path = write(labels, tmp_path)
    out = tmp_path / "with"
    assert monitor("run", tmp_path / "log", "--labels", str(path), "--out", str(out)).status == 1
    said = json.loads((out / "verdicts/fairness.json").read_bytes())
    (found_,) = said["findings"]
    assert (found_["name"], found_["status"]) == ("fairness/side/selection_rate difference", "fail")
    assert found_["estimate"] > 0.2
    assert found_["n"] == 4_000
