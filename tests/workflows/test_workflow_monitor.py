"""monitor.yml opens one pull request with new rows, and learns nothing from bad labels."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sluice.delivery import record
from sluice.files import sha256
from support.fixture_project import Toy
from support.monitor import Logged
from support.monitor.labels import NEW_ROWS, copies_in_one_batch, logged_rows
from support.package_parts import Package
from support.workflows.act import Ran
from support.workflows.repository import Place

SHELL = "$(touch pwned);`touch pwned`"


@pytest.fixture
def champion(built: Callable[[str], Toy]) -> Path:
    return built("binary").package


@pytest.fixture
def logged(built: Callable[[str], Toy]) -> Logged:
    return Logged.of(built("binary"))


@pytest.fixture
def place(place: Place, champion: Path) -> Place:
    """A private repository without attestations whose champion is a package of the same data."""
    place.github.repository["private"] = True
    place.github.pulls = []
    release(place, champion)
    return place


def release(place: Place, champion: Path) -> None:
    content, github = champion.read_bytes(), place.github
    manifest = Package.read(champion).manifest
    made = record.Delivery(
        manifest.name,
        manifest.version,
        manifest.source.commit,
        champion.name,
        f"ghcr.io/octo/shop@sha256:{'1' * 64}",
        {champion.name: sha256(content)},
    )
    tag, of = record.tag_of(manifest.version), manifest.source.commit
    _, released = github._create_release(body={"tag_name": tag, "target_commitish": of})
    given = {"Authorization": "x", "Content-Type": "x"}
    for name, kept in ((record.NAME, record.encode(made)), (champion.name, content)):
        assert github._upload(released["id"], name, kept, given)[0] == 201
    github._update_release(str(released["id"]), body={"make_latest": "true"})


def configure(place: Place, folder: Path, labels: pd.DataFrame) -> None:
    """Name the log and the labels in params.yaml, on main."""
    labels.to_csv(folder / "labels.csv", index=False)
    with place.toy.params() as params:
        params["monitor"] = {"log": str(folder / "log"), "labels": str(folder / "labels.csv")}
    place.toy.commit()
    place.github.branches["main"] = place.toy.git("rev-parse", "HEAD")


def dispatch(place: Place, *, anyway: bool) -> Ran:
    place.workflows.forget_artifacts()
    return place.dispatch("monitor", anyway=str(anyway).lower())


def test_new_rows_become_one_pull_request(place: Place, logged: Logged, tmp_path: Path) -> None:
    ids = [f"n{at:05d}{SHELL if at == 7 else ''}" for at in range(NEW_ROWS)]
    labels = logged_rows(logged, tmp_path / "log", ids).assign(note=SHELL)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "log", elsewhere)
    (tmp_path / "log/linked").symlink_to(elsewhere)
    (tmp_path / "log/linked.parquet").symlink_to("/etc/passwd")
    configure(place, tmp_path, labels)
    ran = dispatch(place, anyway=True)
    assert ran.status == 0, ran.log[-6000:]
    assert ran.jobs == {"retrain": "success", "propose": "success"}
    (pull,) = place.github.pulls
    assert (pull["head"]["ref"], pull["base"]["ref"]) == ("retraining", "main")
    assert f"{NEW_ROWS:,} new labelled rows" in pull["body"]
    assert "is a link, which is not followed" in pull["body"]
    require_green(place)
    nothing_ran(tmp_path)
    assert place.github.undocumented == []


def require_green(place: Place) -> None:
    """Commit the proposal, which is complete: a clone of it passes every gate."""
    head = place.github.branches["retraining"]
    clone = Toy(place.toy.root.parent / "clone")
    subprocess.run(["git", "clone", "-q", place.toy.root, clone.root], check=True)
    for path, content in place.github.files_of(head).items():
        (clone.root / path).parent.mkdir(parents=True, exist_ok=True)
        (clone.root / path).write_bytes(content)
    clone.commit()
    ran = clone.sluice("run", "--locked", PYTHONPATH=str(clone.root / "src"))
    assert ran.status == 0, ran.said
    rows = pd.read_csv(clone.root / "data/toy.csv/part-0001.csv")
    assert len(rows) == NEW_ROWS
    assert "note" not in rows
    assert f"n00007{SHELL}" in set(rows["key"])


def nothing_ran(folder: Path) -> None:
    assert not list(folder.rglob("pwned"))


def colliding(logged: Logged, log: Path) -> pd.DataFrame:
    """The ids belong to rows that are already in the data."""
    return logged_rows(logged, log, [f"k{at:05d}" for at in range(NEW_ROWS)])


def poisoned(logged: Logged, log: Path) -> pd.DataFrame:
    """The newest labels are copies of the model's decisions."""
    return copies_in_one_batch(logged_rows(logged, log), log)


def without_a_log(logged: Logged, log: Path) -> pd.DataFrame:
    labels = logged_rows(logged, log)
    shutil.rmtree(log)
    return labels


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (poisoned, "seem to be copies of the model's decisions"),
        (colliding, "ids belong to other rows in the data"),
        (without_a_log, "no such file or folder"),
        (None, "no scoring log is configured"),
    ],
)
def test_faulty_or_missing_inputs_propose_nothing(
    place: Place, logged: Logged, tmp_path: Path, case: Any, said: str
) -> None:
    if case:
        configure(place, tmp_path, case(logged, tmp_path / "log"))
    ran = dispatch(place, anyway=True)
    assert ran.status != 0
    assert ran.jobs["retrain"] == "failure"
    assert ran.jobs.get("propose") in (None, "skipped")
    assert ran.said(said), ran.log[-4000:]
    assert place.github.pulls == []
    assert place.github.writes == []
