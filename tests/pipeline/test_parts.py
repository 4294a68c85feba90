"""The functions on which the gates depend: labels, thresholds and groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fair

from sluice.check.group_measures import compare, measures
from sluice.check.groups import groupings
from sluice.config import Settings, validate
from sluice.decision import cheapest_threshold
from sluice.errors import SluiceError
from sluice.metrics import Predictions
from sluice.table import truth, typed
from sluice.train import persist
from sluice.train.columns import columns_of
from sluice.train.models import MODELS
from sluice.train.select import choose
from sluice.train.thresholds import float32_not_above
from support.fixture_project import params, table


@pytest.fixture
def settings() -> Settings:
    return validate(params("binary"), "params.yaml")


@pytest.fixture
def frame(settings: Settings) -> pd.DataFrame:
    return typed(table("binary"), settings.columns)


def test_a_threshold_becomes_the_largest_float32_that_is_not_above_it() -> None:
    random = np.random.default_rng(1)
    drawn = random.standard_normal(20_000) * 10.0 ** random.integers(-44, 38, 20_000)
    exact = drawn.astype(np.float32).astype(np.float64)
    edges = np.array([0.0, -0.0, 1e300, -1e300, 1e-300, -1e-300, 16777217.0, 0.1, np.inf])
    for values in (drawn, exact, edges):
        rounded = float32_not_above(values)
        assert (rounded <= values).all()
        assert (rounded == rounded.astype(np.float32)).all()
        with np.errstate(over="ignore"):
            above = np.nextafter(rounded.astype(np.float32), np.float32(np.inf))
        assert ((above > values) | np.isinf(values)).all()
    assert (float32_not_above(exact) == exact).all()


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_costs_less_than_the_chosen_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, 60)
    scores = random.random(60).round(2 if seed % 2 else 5)
    false_positive, false_negative = random.integers(1, 6, 2)

    def cost(threshold: float) -> int:
        flagged = scores >= threshold
        alarms = (flagged & (truth == 0)).sum() * false_positive
        return int(alarms + (~flagged & (truth == 1)).sum() * false_negative)

    chosen = cheapest_threshold(truth, scores, false_positive, false_negative)
    assert 0 <= chosen <= 1
    tried = [0.0, *(np.unique(scores) + 1e-9), 1.0, 1.1]
    assert cost(chosen) == min(cost(threshold) for threshold in tried)


@pytest.mark.parametrize("truth", [0, 1])
def test_the_threshold_for_rows_of_one_class_decides_for_that_class(truth: int) -> None:
    scores = np.linspace(0.1, 0.9, 9)
    chosen = cheapest_threshold(np.full(9, truth), scores, 1, 1)
    assert ((scores >= chosen) == bool(truth)).all()


def test_the_cheapest_candidate_close_to_the_best_is_chosen() -> None:
    candidates = {
        "a": {"roc_auc": 0.80, "cost": 0.3},
        "b": {"roc_auc": 0.81, "cost": 0.4},
        "c": {"roc_auc": 0.70, "cost": 0.1},
    }
    assert choose(candidates, "roc_auc", 0.0) == "b"
    assert choose(candidates, "roc_auc", 0.02) == "a"
    assert choose(candidates, "roc_auc", 0.5) == "c"
    with pytest.raises(SluiceError, match="roc_auc of candidate d is not defined"):
        choose({"d": {"roc_auc": float("nan"), "cost": 1.0}}, "roc_auc", 0.0)


@pytest.mark.parametrize("model", ["linear", "boosting"])
def test_equal_pipelines_are_equal_files(
    model: str, settings: Settings, frame: pd.DataFrame, tmp_path: Path
) -> None:
    columns = columns_of(settings, frame)
    small = {"max_iter": 5} if model == "boosting" else {}
    files, y = [], truth(frame, settings)
    for n in range(2):
        fitted = MODELS[model]("binary", columns, 3, **small).fit(frame[columns.names], y)
        files.append(tmp_path / f"{n}.skops")
        persist.save(fitted, files[-1])
    assert files[0].read_bytes() == files[1].read_bytes()
    again = persist.load(files[0])
    expected = fitted.predict_proba(frame[columns.names])
    assert (again.predict_proba(frame[columns.names]) == expected).all()
    persist.save(again, tmp_path / "again.skops")
    assert (tmp_path / "again.skops").read_bytes() == files[0].read_bytes()


def test_a_file_that_is_not_a_pipeline_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.skops"
    with pytest.raises(SluiceError, match="is missing"):
        persist.load(path)
    for content in (b"", b"\x80\x04\x95", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(SluiceError, match="is not a fitted pipeline"):
            persist.load(path)


def test_groups_from_values_from_bands_and_from_both(
    settings: Settings, frame: pd.DataFrame
) -> None:
    frame = frame.head(6).assign(
        side=["left", "right", "", "middle", "left", "left"],
        born=[1974, 1975, 1976, np.nan, 1900, 2000],
    )
    born, side, both = groupings(frame, settings)
    assert side.of.tolist()[:4] == ["side=left", "side=right", "side=missing", "side=unlisted"]
    assert side.names[:2] == ("side=left", "side=right")
    older, younger = "born=under 1975", "born=1975 and over"
    assert born.of.tolist() == [older, younger, younger, "born=missing", older, younger]
    assert both.title == "born & side"
    assert both.of[0] == "born=under 1975 & side=left"
    assert set(both.of) <= set(both.names)
    assert len(both.names) == len(side.names) * len(born.names)


def test_a_group_without_rows_is_still_listed(frame: pd.DataFrame) -> None:
    raw = params("binary")
    raw["data"]["sensitive"] = {"side": {"groups": {"left": ["left"], "middle": ["middle"]}}}
    (side,) = groupings(frame, validate(raw, ""))
    assert side.names == ("side=left", "side=middle", "side=unlisted")


FAIR: dict[str, Callable[..., Any]] = {
    "selection_rate": fair.selection_rate,
    "false_negative_rate": fair.false_negative_rate,
    "false_positive_rate": fair.false_positive_rate,
}


def test_fairness_measures_equal_those_of_fairlearn(
    settings: Settings, frame: pd.DataFrame
) -> None:
    random = np.random.default_rng(2)
    actual = truth(frame, settings)
    scores = np.clip(actual * 0.3 + random.random(len(frame)) * 0.7, 0, 1)
    decisions = (scores >= 0.5).astype(np.int64)
    predictions = Predictions("binary", actual, scores, decisions, {}, ("no", "yes"))
    for grouping in groupings(frame, settings):
        for measure in measures(predictions):
            found = compare(grouping, list(grouping.names), measure, None, 0.025)
            known = fair.MetricFrame(
                metrics=FAIR[measure.name],
                y_true=actual,
                y_pred=decisions,
                sensitive_features=grouping.of,
            )
            for group in grouping.names:
                assert found.groups[group].estimate == pytest.approx(known.by_group[group])
            assert found.observed["difference"] == pytest.approx(known.difference())
            assert found.observed["ratio"] == pytest.approx(known.ratio())
