"""Every error in params.yaml names the key, the value and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fixture_project import params
from sluice.config import validate
from sluice.errors import SluiceError

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_fixture_is_valid(task: str) -> None:
    settings = validate(params(task), "params.yaml")
    assert settings.features == ["weight", "slope", "visits", "waste", "colour"]


def test_the_positive_class_is_the_second() -> None:
    raw = params("binary")
    assert validate(raw, "").classes == ["no", "yes"]
    raw["data"]["positive"] = "no"
    assert validate(raw, "").classes == ["yes", "no"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.update(name="Two Words"), ["name", "'Two Words'", "pattern"]),
        (lambda p: p.update(task="guess"), ["task", "'guess'", "'binary'"]),
        (lambda p: p.update(seed=-1), ["seed", "-1", "greater than or equal to 0"]),
        (lambda p: p.update(seed="many"), ["seed", "'many'", "integer"]),
        (lambda p: p.update(sead=1), ["sead is not a known key"]),
        (lambda p: p.pop("quality"), ["quality is missing"]),
        (lambda p: p["quality"].pop("rows"), ["quality.rows is missing"]),
        (lambda p: p["quality"].update(leakage=2), ["quality.leakage", "2", "less than or equal"]),
        (lambda p: p["quality"].update(rows=0), ["quality.rows", "0", "greater than 0"]),
        (lambda p: p["split"].update(holdout=0.9), ["split", "leave nothing to train on"]),
        (lambda p: p["split"].update(holdout=0), ["split.holdout", "0", "greater than 0"]),
        (lambda p: p["data"].update(target="no"), ["data.target", "'no'", "not under columns"]),
        (lambda p: p["data"].update(id="no"), ["data.id", "'no'", "not under columns"]),
        (lambda p: p["data"].update(positive="no way"), ["data.positive", "'no way'", "'yes'"]),
        (
            lambda p: p["data"].update(sensitive_inputs=["weight"]),
            ["data.sensitive_inputs", "'weight'", "not under data.sensitive"],
        ),
        (
            lambda p: p["data"]["sensitive"].update(side={"bands": [5, 3]}),
            ["data.sensitive.side", "rising order"],
        ),
        (
            lambda p: p["data"]["sensitive"].update(side={"bands": [3], "groups": {"a": [1]}}),
            ["data.sensitive.side", "groups or bands, not both"],
        ),
        (
            lambda p: p["columns"].update(late={"type": "number"}),
            ["columns.late", "category with values"],
        ),
        (
            lambda p: p["columns"]["late"].update(values=["a", "yes", "no"]),
            ["columns.late", "two values", "3"],
        ),
        (
            lambda p: p["columns"]["colour"].update(low=1),
            ["columns.colour", "low, high and monotone are for numbers"],
        ),
        (
            lambda p: p["columns"]["weight"].update(values=[1]),
            ["columns.weight", "values and levels are for categories"],
        ),
        (lambda p: p["columns"]["weight"].update(type="float"), ["columns.weight.type", "'float'"]),
        (
            lambda p: p["columns"].update(note={"type": "text"}),
            ["columns.note", "text cannot be a model input", "use: ignored"],
        ),
        (lambda p: p.update(candidates={}), ["candidates", "at least 1"]),
        (lambda p: p["candidates"].update(Bad={"model": "linear"}), ["candidates.Bad", "pattern"]),
        (lambda p: p["selection"].update(metric="rmse"), ["selection.metric", "'rmse'", "roc_auc"]),
        (
            lambda p: p["selection"].update(costs={"under": 1}),
            ["selection.costs.under", "false_negative"],
        ),
        (
            lambda p: p["selection"].update(costs={"false_negative": 0}),
            ["selection.costs.false_negative", "0", "greater than 0"],
        ),
        (lambda p: p["parity"].update(tolerance=0), ["parity.tolerance", "0", "greater than 0"]),
        (
            lambda p: p["performance"].update(bounds={"auc": {"low": 0.5}}),
            ["performance.bounds.auc", "'auc'", "roc_auc"],
        ),
        (lambda p: p["performance"].update(bounds={}), ["performance.bounds is empty"]),
        (
            lambda p: p["performance"].update(bounds={"recall": {}}),
            ["performance.bounds.recall", "expected low, high or both"],
        ),
        (
            lambda p: p["performance"].update(bounds={"recall": {"low": 0.9, "high": 0.1}}),
            ["performance.bounds.recall", "0.9", "0.1"],
        ),
        (
            lambda p: p["performance"].update(bounds={"recall": {"low": float("nan")}}),
            ["performance.bounds.recall.low", "nan", "finite"],
        ),
        (
            lambda p: p["performance"].update(resamples=99),
            ["performance.resamples", "99", "greater than or equal to 100"],
        ),
        (
            lambda p: p["fairness"].update(bounds={"love_difference": {"high": 1}}),
            ["fairness.bounds.love_difference", "selection_rate"],
        ),
        (
            lambda p: p["explanation"].update(rows=1),
            ["explanation.rows", "1", "greater than or equal to 10"],
        ),
        (
            lambda p: p.update(accept=[{"finding": "it", "reason": "short"}]),
            ["accept.0.reason", "'short'", "at least 10"],
        ),
    ],
)
def test_errors(change: Change, said: list[str]) -> None:
    raw = params("binary")
    change(raw)
    with pytest.raises(SluiceError) as caught:
        validate(raw, "params.yaml")
    line = str(caught.value)
    assert line.startswith("params.yaml: ")
    assert "\n" not in line
    for part in said:
        assert part in line, line
