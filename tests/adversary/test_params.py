"""Settings that would make a gate let everything through, or break it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice import config
from sluice.errors import SluiceError
from support.fixture_project import params

Change = Callable[[dict[str, Any]], object]


def _refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "params.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SluiceError) as refusal:
        config.load(path)
    said = str(refusal.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda p: p["performance"].update(bounds={"roc_auc": {"high": 1}}),
            "performance.bounds.roc_auc: expected low, the end that gates",
        ),
        (
            lambda p: p["performance"].update(bounds={"calibration_error": {"low": 0}}),
            "performance.bounds.calibration_error: expected high, the end that gates",
        ),
        (
            lambda p: p["fairness"].update(bounds={"selection_rate_difference": {"low": 0}}),
            "fairness.bounds.selection_rate_difference: expected high, the end that gates",
        ),
        (
            lambda p: p["fairness"].update(intersections={"selection_rate_ratio": {"high": 1}}),
            "fairness.intersections.selection_rate_ratio: expected low, the end that gates",
        ),
        (lambda p: p["parity"].update(tolerance=1e9), "parity.tolerance: expected at most 0.01"),
        (
            lambda p: p.update(accept=[{"finding": "fairness/x/rows", "reason": " " * 20}]),
            "accept.0.reason is",
        ),
        (lambda p: p.pop("accept"), "accept is missing"),
        (
            lambda p: p["data"]["sensitive"].update(born={"bands": []}),
            "data.sensitive.born.bands is []",
        ),
        (
            lambda p: p["data"]["sensitive"].update(
                side={"groups": {"one": ["left"], "other": ["left", "right"]}}
            ),
            "data.sensitive.side: 'left' is in two groups",
        ),
    ],
)
def test_a_gate_that_would_not_gate(tmp_path: Path, change: Change, why: str) -> None:
    raw = params("binary")
    change(raw)
    assert why in _refusal(tmp_path, json.dumps(raw))


@pytest.mark.parametrize("value", [".inf", ".nan"])
@pytest.mark.parametrize("key", ['"within"', '"false_negative"', '"over_baselines"'])
def test_numbers_without_end(tmp_path: Path, key: str, value: str) -> None:
    raw = params("binary")
    raw["selection"]["within"] = 0.5
    head, found, rest = json.dumps(raw).partition(f"{key}: ")
    end = min(rest.index(","), rest.index("}"))
    assert "finite number" in _refusal(tmp_path, f"{head}{found}{value}{rest[end:]}")


def test_aliases_that_would_fill_the_memory(tmp_path: Path) -> None:
    lists = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lists += [
        f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]"
        for b, c in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert len(_refusal(tmp_path, "\n".join([*lists, "columns: *i"]))) < 10_000


@pytest.mark.parametrize("text", ["[" * 5000, f"seed: {'9' * 5000}", "x: !!python/tuple [1]"])
def test_yaml_that_breaks_its_reader(tmp_path: Path, text: str) -> None:
    assert "params.yaml is not valid YAML" in _refusal(tmp_path, text)
