"""The log, the labels and the DVC remote of the data are in an object store with the API of S3."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from sluice import proposal
from support.fixture_project import Ran, Toy
from support.monitor import END, Logged
from support.monitor.labels import NEW_ROWS, logged_rows
from support.object_store import bucket, upload

Monitor = Callable[..., Ran]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, logged: Logged, tmp_path: Path) -> Iterator[str]:
    """A bucket with a log and its labels."""
    with bucket(monkeypatch, "production") as url:
        labels = logged_rows(logged, tmp_path / "log")
        labels.to_csv(tmp_path / "labels.csv", index=False)
        for name in ("log", "labels.csv"):
            upload(tmp_path / name, f"{url}/{name}")
        yield url


def test_a_log_in_s3_is_read_like_a_folder(monitor: Monitor, store: str, tmp_path: Path) -> None:
    here = monitor("truth", tmp_path / "log", "--labels", str(tmp_path / "labels.csv"), "--json")
    there = monitor("truth", f"{store}/log", "--labels", f"{store}/labels.csv", "--json")
    assert there == here
    assert json.loads(there.out)["findings"]
    for command, log, labels, said in (
        ("drift", "nothing", "labels.csv", "nothing: no such file or folder"),
        ("truth", "log", "nothing.csv", "nothing.csv: cannot be read"),
    ):
        more = ("--labels", f"{store}/{labels}") if command == "truth" else ()
        ran = monitor(command, f"{store}/{log}", *more)
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert f"{store}/{said}" in ran.line


def test_new_rows_are_pushed_to_a_remote_in_s3_before_they_are_proposed(
    green: Toy, store: str, tmp_path: Path
) -> None:
    toy = green.copy(tmp_path / "toy")
    toy.dvc("remote", "add", "-d", "-f", "away", f"{store}/dvc").went_well()
    toy.dvc("push", "data.dvc").went_well()
    toy.dvc("remote", "modify", "away", "url", "s3://another/dvc").went_well()
    toy.commit()
    ran = retrain(toy, green, store)
    assert ran.status == 1, ran.said
    page = toy.text("out/retraining/retraining.md")
    assert "'dvc push data.dvc' to the DVC remote 'away' failed" in page
    assert not (toy.root / "out/retraining/proposal").exists()

    toy.git("stash", "-uq")
    toy.dvc("checkout", "--force", "data.dvc").went_well()
    toy.dvc("remote", "modify", "away", "url", f"{store}/dvc").went_well()
    toy.commit()
    ran = retrain(toy, green, store)
    assert ran.status == 0, ran.said
    found = proposal.read(toy.root / "out/retraining/proposal")
    assert found is not None
    assert set(found[1]) == {"data.dvc", "dvc.lock", "judged.jsonl"}
    assert "the DVC remote away, where this run has pushed them" in found[0].body

    toy.commit()
    clone = Toy(tmp_path / "clone")
    subprocess.run(["git", "clone", "-q", toy.root, clone.root], check=True)
    clone.dvc("pull", "data.dvc").went_well()
    assert len(pd.read_csv(clone.root / "data/toy.csv/part-0001.csv")) == NEW_ROWS


def retrain(toy: Toy, green: Toy, store: str) -> Ran:
    return toy.sluice(
        *("monitor", "retrain", f"{store}/log", "--labels", f"{store}/labels.csv", "--anyway"),
        *("--champion", str(green.package), "--until", str(END)),
    )
