"""`sluice monitor retrain` adds labelled rows, trains, compares and proposes, or says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sluice import proposal
from support.fixture_project import Ran, Toy
from support.fixture_project.data import table
from support.monitor import END, Logged, put_log
from support.monitor.labels import NEW_ROWS as ROWS
from support.monitor.labels import POISONS, logged_rows

Retrain = Callable[..., Ran]


@pytest.fixture
def toy(green: Toy, tmp_path: Path) -> Toy:
    return green.copy(tmp_path / "toy")


@pytest.fixture
def labels(logged: Logged, tmp_path: Path) -> pd.DataFrame:
    """The outcomes of a log in tmp_path/log, with the columns that a log never contains."""
    return logged_rows(logged, tmp_path / "log")


@pytest.fixture
def retrain(toy: Toy, green: Toy, tmp_path: Path) -> Retrain:
    def run(given: pd.DataFrame, *more: str) -> Ran:
        file = tmp_path / "labels.csv"
        given.to_csv(file, index=False)
        return toy.sluice(
            *("monitor", "retrain", str(tmp_path / "log"), "--labels", str(file)),
            *("--champion", str(green.package), "--until", str(END), *more),
        )

    return run


def made(toy: Toy) -> dict[str, Any]:
    return toy.json("out/retraining/retraining.json")


def findings(toy: Toy) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for v in made(toy)["verdicts"] for f in v["findings"]}


def refused(toy: Toy, ran: Ran, name: str, status: int = 1) -> dict[str, Any]:
    """Nothing was added, trained or proposed, and this finding says why."""
    assert ran.status == status, ran.said
    assert not (toy.root / "out/retraining/proposal").exists()
    assert toy.git("status", "--porcelain") == ""
    assert (toy.root / "data/toy.csv").is_file()
    found = findings(toy)[name]
    assert found["status"] != "pass"
    return found


def test_new_rows_are_added_as_a_part_and_the_new_model_is_compared_on_them(
    retrain: Retrain, toy: Toy, labels: pd.DataFrame
) -> None:
    before = toy.text("data/toy.csv")
    stored = set((toy.root / ".dvc/store").rglob("*"))
    ran = retrain(labels, "--anyway")
    assert ran.status == 0, ran.said
    said = made(toy)
    assert said["part"] == "data/toy.csv/part-0001.csv"
    assert said["rows"] == ROWS
    assert toy.text("data/toy.csv/part-0000.csv") == before
    added = pd.read_csv(toy.root / said["part"])
    expected = table("binary", ROWS, 31).assign(key=labels["id"])
    expected = expected.astype({"visits": float})[added.columns]
    pd.testing.assert_frame_equal(added, expected, check_dtype=False)
    # Both models are compared only on the new rows.
    holdout = pd.read_parquet(toy.root / "out/split/holdout.parquet")
    assert said["compared"] == holdout["key"].str.startswith("n").sum()
    assert {one["name"] for one in said["metrics"]} >= {"roc_auc", "cost"}
    # Only what is new is stored, and the proposal contains it.
    new = set((toy.root / ".dvc/store").rglob("*")) - stored
    files = {path.relative_to(toy.root).as_posix() for path in new if path.is_file()}
    found = proposal.read(toy.root / "out/retraining/proposal")
    assert found is not None
    named = set(found[1])
    assert named == files | {"data.dvc", "dvc.lock", "judged.jsonl"}
    assert len(files) == 2  # the rows, and the list of the folder
    assert f"with {ROWS:,} new rows" in found[0].title
    assert "a person has asked for it" in found[0].body
    # A clone of the proposed commit builds the same package.
    toy.commit()
    assert toy.git("status", "--porcelain") == ""
    again = toy.sluice("run", "--locked")
    assert again.status == 0, again.said
    # The same log and labels contain nothing new any more.
    ran = retrain(labels, "--anyway")
    assert ran.status == 3, ran.said
    assert f"the data has {ROWS:,} others already" in findings(toy)["new-rows/number"]["why"]


def test_a_good_model_is_kept(retrain: Retrain, toy: Toy, labels: pd.DataFrame) -> None:
    ran = retrain(labels)
    assert ran.status in (0, 3), ran.said
    assert made(toy)["decision"]["action"] in ("keep", "wait")
    assert not (toy.root / "out/retraining/proposal").exists()
    assert toy.git("status", "--porcelain") == ""


def test_ids_that_collide_are_refused(
    retrain: Retrain, toy: Toy, logged: Logged, tmp_path: Path
) -> None:
    """The ids are those of customers that are already in the data."""
    labels = logged_rows(logged, tmp_path / "log", [f"k{at:05d}" for at in range(ROWS)])
    found = refused(toy, retrain(labels, "--anyway"), "new-rows/ids that the data has")
    assert "1,500 ids belong to other rows" in found["why"]
    assert "k00000" in found["why"]


@pytest.mark.parametrize(("poison", "name"), POISONS.items())
def test_poisoned_labels_are_found_and_nothing_learns_from_them(
    retrain: Retrain, toy: Toy, labels: pd.DataFrame, poison: Any, name: str
) -> None:
    ran = retrain(poison(labels, toy.root.parent / "log"), "--anyway")
    refused(toy, ran, name)
    assert made(toy)["decision"]["rule"] == "labels"


def test_rows_scored_with_other_inputs_are_left_out_or_refused(
    retrain: Retrain, toy: Toy, labels: pd.DataFrame, logged: Logged, tmp_path: Path
) -> None:
    other = table("binary", 200, 77)
    ids = labels["id"].iloc[:200].tolist()
    put_log(tmp_path / "log", logged.named(host="host-2"), other, days=14, ids=ids, seed=5)
    found = refused(toy, retrain(labels, "--anyway"), "new-rows/ids scored with other inputs")
    assert "200 of 1,500 ids" in found["why"]


def test_labels_that_lack_a_column_are_an_error_in_one_line(
    retrain: Retrain, toy: Toy, labels: pd.DataFrame
) -> None:
    ran = retrain(labels.drop(columns=["side", "born"]), "--anyway")
    assert ran.status == 2, ran.said
    assert "lacks the columns 'side', 'born'" in ran.line
    assert toy.git("status", "--porcelain") == ""


def test_invalid_values_are_refused_by_the_gate(
    retrain: Retrain, toy: Toy, labels: pd.DataFrame, tmp_path: Path
) -> None:
    """Text that a shell, a spreadsheet or GitHub would act on is data, and is refused as such."""
    bad = labels.copy()
    bad.loc[::2, "side"] = "$(touch pwned)`touch pwned`; @octocat =cmd|'/c calc'!A1"
    ran = retrain(bad, "--anyway")
    assert ran.status == 1, ran.said
    assert made(toy)["stopped"].startswith("data-quality")
    assert not (toy.root / "out/retraining/proposal").exists()
    assert not list(tmp_path.rglob("pwned"))
    page = toy.text("out/retraining/retraining.md")
    assert "@octocat" not in page
    assert "`touch" not in page


@pytest.mark.parametrize("lacks", ["champion", "log", "labels"])
def test_what_is_not_configured_is_insufficient(
    toy: Toy, green: Toy, tmp_path: Path, lacks: str
) -> None:
    champion = green.package
    if lacks == "champion":
        champion = tmp_path / "champion"
        champion.mkdir()
        (champion / "champion.json").write_text('{"release": null}')
    given = ["--labels", "labels.csv"] if lacks == "log" else []
    log = ["log"] if lacks == "labels" else []
    ran = toy.sluice("monitor", "retrain", *log, *given, "--champion", str(champion))
    assert ran.status == 3, ran.said
    said = {"champion": "no full release", "log": "no scoring log", "labels": "no labels"}[lacks]
    assert said in toy.text("out/retraining/retraining.md")
    assert made(toy)["status"] == "insufficient"


def test_changes_that_are_not_committed_are_not_mixed_in(
    retrain: Retrain, toy: Toy, labels: pd.DataFrame
) -> None:
    toy.write("note.txt", "mine")
    ran = retrain(labels, "--anyway")
    assert ran.status == 2, ran.said
    assert "not committed" in ran.line


def test_the_place_of_log_and_labels_may_be_settings(
    toy: Toy, green: Toy, labels: pd.DataFrame, tmp_path: Path
) -> None:
    labels.to_csv(tmp_path / "labels.csv", index=False)
    with toy.params() as params:
        params["monitor"] = {
            "log": str(tmp_path / "log"),
            "labels": (tmp_path / "labels.csv").as_uri(),
        }
    toy.commit()
    ran = toy.sluice("monitor", "retrain", "--champion", str(green.package), "--until", str(END))
    assert ran.status in (0, 3), ran.said
    assert made(toy)["decision"]["action"] in ("keep", "wait")
    assert json.loads(toy.text("out/retraining/monitor/monitor.json"))["truth"]["rows"] > 0


def test_other_files_are_refused_in_a_proposal(tmp_path: Path) -> None:
    assert proposal.is_allowed("dvc.lock")
    for name in (
        "params.yaml",
        ".github/workflows/ci.yml",
        "../dvc.lock",
        ".dvc/config",
        ".dvc/store/files/md5/aa/../../../../x",
        "src/usecase/scenarios.py",
    ):
        assert not proposal.is_allowed(name)
    assert proposal.read(tmp_path) is None
