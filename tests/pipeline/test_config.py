"""Every error in params.yaml names the key, the value and what is expected."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sluice.config import check_key, validate
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.train import candidate, export, select, split
from support.fixture_project import params, table
from support.fixture_project.build import OWN

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_settings_of_the_fixture_are_valid(task: str) -> None:
    settings = validate(params(task), "params.yaml")
    assert settings.features == ["slope", "visits", "waste", "weight", "colour"]


def test_a_group_column_is_not_an_input_and_none_is_accepted() -> None:
    raw = params("binary")
    raw["split"]["group"] = "colour"
    assert "colour" not in validate(raw, "").features
    raw["split"]["group"] = "none"
    settings = validate(raw, "")
    assert settings.split.group_column is None
    assert "colour" in settings.features


def test_the_positive_class_comes_second() -> None:
    raw = params("binary")
    assert validate(raw, "").classes == ["no", "yes"]
    raw["data"]["positive"] = "no"
    assert validate(raw, "").classes == ["yes", "no"]


@pytest.mark.parametrize(
    ("change", "parts"),
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
        (lambda p: p["split"].update(holdout=0.9), ["split", "leave no rows to train on"]),
        (lambda p: p["split"].update(holdout=0), ["split.holdout", "0", "greater than 0"]),
        (lambda p: p["split"].update(group="no"), ["split.group", "'no'", "not under columns"]),
        (lambda p: p["split"].update(group="late"), ["split.group", "'late'", "the target"]),
        (lambda p: p["split"].update(group="key"), ["data.id and split.group", "'key'", "an id"]),
        (
            lambda p: p["split"].update(group="visits"),
            ["columns.visits.missing", "split.group needs a value in every row", "set it to 0"],
        ),
        (lambda p: p["split"].update(by_time="no"), ["split.by_time", "'no'", "not under columns"]),
        (lambda p: p["split"].update(by_time="late"), ["split.by_time", "'late'", "the target"]),
        (
            lambda p: p["split"].update(by_time="visits"),
            ["columns.visits.missing", "split.by_time needs a value in every row"],
        ),
        (
            lambda p: p["split"].update(by_time="born", group="born"),
            ["split.group and split.by_time both name 'born'"],
        ),
        (lambda p: p["data"].update(target="no"), ["data.target", "'no'", "not under columns"]),
        (lambda p: p["data"].update(id="no"), ["data.id", "'no'", "not under columns"]),
        (lambda p: p["data"].update(positive="no way"), ["data.positive", "'no way'", "'yes'"]),
        (
            lambda p: p["data"].update(sensitive_inputs=["weight"]),
            ["data.sensitive_inputs", "'weight'", "not under data.sensitive"],
        ),
        (
            lambda p: p["data"]["sensitive"].update(side={"bands": [5, 3]}),
            ["data.sensitive.side", "in increasing order"],
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
            ["columns.colour", "low, high and monotone are only for numbers"],
        ),
        (
            lambda p: p["columns"]["weight"].update(values=[1]),
            ["columns.weight", "values and levels are only for categories"],
        ),
        (lambda p: p["columns"]["weight"].update(type="float"), ["columns.weight.type", "'float'"]),
        (
            lambda p: p["columns"].update(note={"type": "text"}),
            ["columns.note", "a text column cannot be a model input", "use to 'ignored'"],
        ),
        (
            lambda p: p["columns"].update({"a word " * 10: {"type": "number"}}),
            ["columns names 'a word ", "rename it: dvc.lock cannot store", "longer than 60"],
        ),
        (
            lambda p: p["data"]["sensitive"].update(side={"groups": {"x\x85": ["left"]}}),
            ["data.sensitive.side.groups names 'x\\x85'", "rename it"],
        ),
        (
            lambda p: p["data"].update(attributes={"who": {"side": "left"}}),
            ["data.attributes.who", "two columns or more"],
        ),
        (
            lambda p: p["data"].update(attributes={"side": {"side": "left", "colour": "red"}}),
            ["data.attributes.side", "name of a sensitive column"],
        ),
        (
            lambda p: p["data"].update(attributes={"who": {"side": "left", "colour": "red"}}),
            ["data.attributes.who.colour", "expected a sensitive column"],
        ),
        (
            lambda p: p["data"].update(attributes={"who": {"side": "top", "born": 1975}}),
            ["data.attributes.who.born", "groups of its own"],
        ),
        (lambda p: p.update(candidates={}), ["candidates", "at least 1"]),
        (
            lambda p: p["candidates"].update(Bad={"model": "linear"}),
            ["candidates", "'Bad'", "pattern"],
        ),
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
def test_an_error_is_one_line_with_key_value_and_expectation(
    change: Change, parts: list[str]
) -> None:
    raw = params("binary")
    change(raw)
    with pytest.raises(SluiceError) as caught:
        validate(raw, "params.yaml")
    line = str(caught.value)
    assert line.startswith("params.yaml: ")
    assert "\n" not in line
    for part in parts:
        assert part in line, line


_CHARACTERS = " :#-?,[]{}&*!|>'\"%@~ab1\\\t\n\x85\xa0\u2028\ufeff\xe4\U0001f642"


def test_dvc_lock_can_store_every_key_that_passes_the_check() -> None:
    from dvc.utils.serialize import dumps_yaml, loads_yaml

    random = np.random.default_rng(1)
    kinds = ["a b", "abc '", "a_b", "abc\n ", _CHARACTERS]
    names = ["".join(random.choice(list(kinds[n % 5]), 40 + n // 3)) for n in range(480)]
    accepted = [name for name in names if _is_key(name)]
    for name in accepted:
        groups = {"a": {"groups": {name: ["x"], "y": ["z"]}}}
        params = {"columns": {name: {"type": "text"}}, "data": {"sensitive": groups}}
        lock = {"stages": {"split": {"params": {"params.yaml": params}}}}
        assert loads_yaml(dumps_yaml(lock)) == lock
    assert 100 < len(accepted) < 300


def _is_key(name: str) -> bool:
    try:
        return check_key(name) == name
    except ValueError:
        return False


def _reversed(value: Any) -> Any:
    """The same settings with the keys of every section in reverse order."""
    if not isinstance(value, dict):
        return value
    return {key: _reversed(value[key]) for key in reversed(value)}


@pytest.mark.parametrize("key", ["key", None])
def test_the_order_of_keys_changes_no_result(key: str | None, tmp_path: Path) -> None:
    given = params("binary")
    given["data"]["id"] = key
    given["columns"]["key"]["use"] = "ignored"
    made = []
    for name, raw in {"one": given, "other": _reversed(given)}.items():
        project = Project(tmp_path / name)
        (project.root / "data").mkdir(parents=True)
        (project.root / "params.yaml").write_text(json.dumps(raw), "utf-8")
        shutil.copytree(OWN / "src", project.root / "src")
        table("binary").to_csv(project.root / "data/toy.csv", index=False)
        split.run(project)
        for chosen in project.settings.candidates:
            candidate.run(project, chosen)
        select.run(project)
        export.run(project)
        files = sorted(path for path in project.out.rglob("*") if path.is_file())
        made.append({str(p.relative_to(project.root)): p.read_bytes() for p in files})
        made[-1]["settings"] = project.settings.model_dump_json().encode()
    assert made[0] == made[1]
