"""The search for a candidate's parameters: on folds of the training rows, within its budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice.config import Candidate, Settings, validate
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.table import typed
from sluice.train.candidate import run
from sluice.train.folds import folds
from sluice.train.models import MODELS
from sluice.train.search import choose
from support.fixture_project import Toy, params, table

STOPPING = {"early_stopping": True, "learning_rate": 0.3, "max_leaf_nodes": 7, "max_iter": 80}


def project(task: str = "binary", **split: Any) -> Settings:
    raw = params(task)
    raw["split"] |= split
    for name in {"group", "by_time"} & split.keys():
        raw["columns"][split[name]] = {"type": "text", "use": "ignored"}
    return validate(raw, "params.yaml")


def rows(settings: Settings, count: int = 600, **columns: Any) -> pd.DataFrame:
    return typed(table(settings.task, count).assign(**columns), settings.columns)


def chosen(settings: Settings, frame: pd.DataFrame, **candidate: Any) -> dict[str, Any]:
    found = Candidate(**candidate)
    return choose(MODELS[found.model], found, frame, settings)


@pytest.mark.parametrize("model", ["boosting", "native_boosting"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_number_of_trees_is_where_the_folds_stop_to_improve(task: str, model: str) -> None:
    settings = project(task)
    found = chosen(settings, rows(settings), model=model, parameters=STOPPING)
    assert found == STOPPING | {"early_stopping": False, "max_iter": found["max_iter"]}
    assert 1 <= found["max_iter"] < 80
    assert found == chosen(settings, rows(settings), model=model, parameters=STOPPING)


def test_the_best_parameters_within_the_budget_are_chosen() -> None:
    settings = project()
    candidate = {
        "model": "linear",
        "parameters": {"C": 1e-6},
        "search": [{"C": 1e-5}, {"C": 1.0}],
    }
    frame = rows(settings)
    assert chosen(settings, frame, **candidate) == {"C": 1.0}
    assert chosen(settings, frame, **candidate, budget=2) == {"C": 1e-5}
    assert chosen(settings, frame, **candidate, budget=1) == {"C": 1e-6}


def test_every_row_is_set_aside_once_if_there_are_few() -> None:
    settings = project()
    masks = folds(rows(settings), settings)
    assert len(masks) == 4
    assert (np.sum(masks, axis=0) == 1).all()
    many = folds(rows(settings, 5_000), settings)
    assert len(many) == 1
    assert 0.2 < many[0].mean() < 0.3


def test_rows_of_one_group_are_set_aside_together() -> None:
    settings = project(group="house")
    frame = rows(settings, house=[f"h{n // 6}" for n in range(600)])
    masks = folds(frame, settings)
    for mask in masks:
        assert not set(frame["house"][mask]) & set(frame["house"][~mask])
    assert (np.sum(masks, axis=0) == 1).all()


def test_the_newest_rows_are_set_aside_if_the_split_follows_time() -> None:
    settings = project(by_time="day")
    days = pd.date_range("2024-01-01", periods=200).strftime("%Y-%m-%d")
    frame = rows(settings, day=np.random.default_rng(0).permutation(np.repeat(days, 3)))
    (mask,) = folds(frame, settings)
    assert frame["day"][~mask].max() < frame["day"][mask].min()
    assert mask.sum() == 150


def test_a_class_is_never_set_aside_as_a_whole() -> None:
    settings = project("multiclass", group="house")
    frame = rows(settings, house=[f"h{n // 6}" for n in range(600)])
    target = settings.data.target
    frame[target] = np.where(frame["house"] == "h1", "high", frame[target].replace("high", "low"))
    for mask in folds(frame, settings):
        assert set(frame[target][~mask]) == {"low", "middle", "high"}
    found = chosen(settings, frame, model="boosting", parameters=STOPPING)
    assert found["early_stopping"] is False


def test_training_writes_the_parameters_and_refuses_wrong_ones(tmp_path: Path) -> None:
    toy, frame = Toy(tmp_path), table("binary", 400)
    toy.write("src/usecase/__init__.py", "")
    source = "from sluice.train.models import MODELS as CANDIDATES\nTRUSTED = ()\n"
    toy.write("src/usecase/candidates.py", source)
    raw = params("binary")
    for name in ("train", "validation"):
        path = Project(tmp_path).split(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        typed(frame, validate(raw, "params.yaml").columns).to_parquet(path)
    raw["candidates"]["linear"] = {
        "model": "linear",
        "parameters": {"C": 1e-6},
        "search": [{"C": 1.0}],
    }
    toy.write_params(raw)
    run(Project(tmp_path), "linear")
    written = Project(tmp_path).candidate("linear") / "parameters.json"
    assert json.loads(written.read_text()) == {"C": 1.0}

    raw["candidates"]["linear"]["search"] = [{"sharpness": 9}]
    toy.write_params(raw)
    with pytest.raises(SluiceError, match=r"candidates.linear cannot be trained.*'sharpness'"):
        run(Project(tmp_path), "linear")
