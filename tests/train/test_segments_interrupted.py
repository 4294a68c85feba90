"""A training of many segments that is killed goes on with the segments that are missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sluice.confined.run import UNCONFINED
from sluice.project import Project
from sluice.train import unfinished_training
from sluice.train.persist import load
from sluice.train.segment_progress import Progress
from support.fixture_project import Toy
from support.segments import many_stores


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """250 stores with 60 rows each, which are three groups of models."""
    return many_stores(tmp_path, [f"s{n:03}" for n in range(250)] * 60)


@pytest.mark.heavy
def test_a_killed_training_continues_with_the_missing_segments(toy: Toy) -> None:
    """The finished group is altered; the result shows that it was not trained again."""
    unfinished = toy.root / "out/unfinished/linear"
    process = subprocess.Popen(
        [sys.executable, "-m", "sluice.cli", "train", "linear"],
        cwd=toy.root,
        env=toy.environment(),
        stdout=subprocess.DEVNULL,
    )
    while not (found := list(unfinished.glob("*/0.npz"))):
        assert process.poll() is None, "the training ended before it was killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (toy.root / "out/candidates/linear").exists()
    with np.load(found[0]) as saved:
        fitted, values = saved["fitted"], saved["values"]
    assert fitted.all()
    values[:, -1] = 77
    np.savez(found[0], fitted=fitted, values=values)

    ran = toy.start("train", "linear").went_well()
    assert "segments were fitted before, and are kept" in ran.out
    intercepts = load(toy.root / "out/candidates/linear/pipeline.skops")[-1].intercept_[:, 0]
    assert intercepts[1:101].tolist() == [77] * 100
    assert 77 not in intercepts[101:]
    assert not unfinished.exists(), "all segments are finished"


def test_with_other_settings_code_or_rows_training_starts_again(toy: Toy) -> None:
    project = Project(toy.root)
    last = unfinished_training.folder(project, "linear")
    assert unfinished_training.folder(project, "linear") == last
    for change in ("params.yaml", "src/usecase/candidates.py", "out/split/train.parquet"):
        (last / "0.npz").write_bytes(b"of the old training")
        with (toy.root / change).open("ab") as file:
            file.write(b"\n")
        now = unfinished_training.folder(project, "linear")
        assert now != last
        assert not last.exists()
        assert list(now.iterdir()) == []
        last = now


def test_only_finished_groups_are_kept(toy: Toy) -> None:
    """The code of the use case may write to the folder, and so may Spark's driver later."""
    folder = unfinished_training.folder(Project(toy.root), "linear")
    (folder / "0.npz").write_bytes(b"models")
    (folder / "1.npz").symlink_to(toy.root / "params.yaml")
    (folder / "2.npz.unfinished").symlink_to(toy.root / "params.yaml")
    (folder / "3.npz").mkdir()
    assert unfinished_training.folder(Project(toy.root), "linear") == folder
    assert [path.name for path in folder.iterdir()] == ["0.npz"]
    assert (toy.root / "params.yaml").is_file()


def test_a_confined_training_does_not_go_on_with_one_that_was_not(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    confined = unfinished_training.folder(Project(toy.root), "linear")
    monkeypatch.setenv(UNCONFINED, "1")
    assert unfinished_training.folder(Project(toy.root), "linear") != confined


def test_the_time_left_assumes_the_speed_of_this_run_alone(tmp_path: Path) -> None:
    progress = Progress(tmp_path, total=1_000, kept=400, done=100, first=(500, 20))
    assert progress.line(516) == "500 of 1,000 segments; about 100 s left at the speed so far"


def test_the_first_group_says_nothing_about_the_speed(tmp_path: Path) -> None:
    progress = Progress(tmp_path, total=1_000)
    progress.save(0, [None] * 10)
    assert progress.line(time.monotonic() + 60) == "10 of 1,000 segments"
