"""judged.jsonl counts the models that were judged on the same rows, and no line can be dropped."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice import judged
from sluice.config.stages import Split
from sluice.errors import SluiceError
from support.command_line import InProcess
from support.fixture_project import Toy

SPLIT = {"salt": "s", "validation": 0.2, "holdout": 0.25, "latest": 0.05}


class Place:
    """A project that has only rows, a model and settings."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model = root / "model"
        self.model.mkdir()
        self.settings: Any = SimpleNamespace(
            seed=1, split=Split(**SPLIT), data=SimpleNamespace(id="id", target="y")
        )
        self.train("first")
        self.rows(range(2_000))

    def split(self, part: str) -> Path:
        return self.root / f"{part}.parquet"

    def train(self, model: str, threshold: float = 0.5, **more: Any) -> None:
        (self.model / "model.onnx").write_text(model)
        signature = {"task": "binary", "inputs": [], "decision": {"threshold": threshold}, **more}
        (self.model / "signature.json").write_text(json.dumps(signature))

    def rows(self, ids: range, salt: int = 0) -> None:
        """A random quarter of the rows is held out."""
        order = np.random.default_rng(salt).permutation(list(ids))
        held = set(order[: len(ids) // 4].tolist())
        parts = {"holdout": held, "train": set(ids) - held, "validation": {}, "latest": {}}
        for name, chosen in parts.items():
            frame = pd.DataFrame({"id": sorted(chosen), "x": salt, "y": "a"})
            frame.to_parquet(self.split(name))

    def judge(self) -> int:
        """Record the model and then count, like a run."""
        project: Any = self
        judged.record(project)
        return judged.count(project, pd.read_parquet(self.split("holdout")))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_every_model_counts_once(place: Place) -> None:
    assert place.judge() == 1
    assert place.judge() == 1
    place.train("second")
    assert place.judge() == 2
    place.train("first")
    assert place.judge() == 2


def test_another_threshold_counts_and_another_form_of_the_signature_does_not(place: Place) -> None:
    place.judge()
    place.train("first", id="a field that only later versions write")
    assert place.judge() == 1
    place.train("first", threshold=0.4)
    assert place.judge() == 2


def test_a_salt_and_a_seed_count_as_another_judgement(place: Place) -> None:
    place.judge()
    place.settings.split = Split(**{**SPLIT, "salt": "t"})
    place.rows(range(2_000), salt=1)
    assert place.judge() == 2
    place.settings.seed = 2
    assert place.judge() == 3


def test_the_count_restarts_once_most_of_the_holdout_is_new(place: Place) -> None:
    place.judge()
    place.train("second")
    place.rows(range(2_600), salt=2)
    assert place.judge() == 2
    place.rows(range(9_000), salt=3)
    place.train("third")
    assert place.judge() == 1
    place.rows(range(2_000))
    place.train("first")
    assert place.judge() == 3, "the old rows have judged the third model too"


def test_the_file_is_the_same_whatever_the_order_of_its_lines(place: Place) -> None:
    place.judge()
    file = place.root / judged.FILE
    before = file.read_bytes()
    lines = before.splitlines(keepends=True)
    file.write_bytes(b"".join([*reversed(lines), *lines]))  # as a union merge may leave them
    place.judge()
    assert file.read_bytes() == before
    assert judged.missing(before, before) == 0
    assert judged.missing(before, lines[0]) == 1


def test_a_line_that_no_run_has_written(place: Place) -> None:
    (place.root / judged.FILE).write_text('{"kind":"model","model":"x"}\n')
    with pytest.raises(SluiceError, match=r"judged\.jsonl, line 1"):
        place.judge()


def test_an_overused_holdout_and_a_removed_judgement_are_refused(
    toy: Toy, in_process: InProcess
) -> None:
    wide = toy.findings("performance")["performance/roc_auc"]["interval"]
    with toy.params() as params:
        params["seed"] = 12
        params["performance"]["judgements"] = 1
    ran = toy.sluice("run")
    assert ran.status == 1
    found = toy.findings("performance")
    spent = found["performance/models judged on this holdout"]
    assert (spent["status"], spent["estimate"]) == ("insufficient", 2)
    assert "add new rows" in spent["why"]
    low, high = found["performance/roc_auc"]["interval"]
    assert high - low > wide[1] - wide[0]
    toy.write("judged.jsonl", "")
    ran = in_process(toy, "run", "--against", "HEAD")
    assert ran.status == 2
    assert "judged.jsonl lacks 2 lines of HEAD" in ran.err
