"""Settings with which a gate would pass every model, or could not run, are errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.config import load
from sluice.errors import SluiceError
from support.fixture_project import params

Change = Callable[[dict[str, Any]], object]


def _error(tmp_path: Path, text: str) -> str:
    """The error line with which sluice refuses this params.yaml."""
    path = tmp_path / "params.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SluiceError) as caught:
        load(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("place", "wrong_end", "key", "end"),
    [
        (("performance", "bounds"), {"roc_auc": {"high": 1}}, "roc_auc", "low"),
        (("performance", "bounds"), {"calibration_error": {"low": 0}}, "calibration_error", "high"),
        (
            ("fairness", "bounds"),
            {"selection_rate_difference": {"low": 0}},
            "selection_rate_difference",
            "high",
        ),
        (
            ("fairness", "intersections"),
            {"selection_rate_ratio": {"high": 1}},
            "selection_rate_ratio",
            "low",
        ),
    ],
)
def test_a_bound_needs_the_end_that_limits_a_bad_model(
    tmp_path: Path, place: tuple[str, str], wrong_end: dict[str, Any], key: str, end: str
) -> None:
    raw = params("binary")
    section, name = place
    raw[section].update({name: wrong_end})
    assert _error(tmp_path, json.dumps(raw)) == (
        f"params.yaml: {section}.{name}.{key}: expected {end}; without it every model would pass"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
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
            "data.sensitive.side: 'left' is listed twice in the groups",
        ),
    ],
)
def test_settings_that_weaken_a_gate_are_errors(tmp_path: Path, change: Change, why: str) -> None:
    raw = params("binary")
    change(raw)
    assert why in _error(tmp_path, json.dumps(raw))


@pytest.mark.parametrize("value", [".inf", ".nan"])
@pytest.mark.parametrize("key", ['"within"', '"false_negative"', '"over_baselines"'])
def test_infinity_and_nan_are_errors(tmp_path: Path, key: str, value: str) -> None:
    raw = params("binary")
    raw["selection"]["within"] = 0.5
    head, found, rest = json.dumps(raw).partition(f"{key}: ")
    end = min(rest.index(","), rest.index("}"))
    assert "finite number" in _error(tmp_path, f"{head}{found}{value}{rest[end:]}")


def test_an_error_does_not_print_nested_aliases_in_full(tmp_path: Path) -> None:
    lists = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lists += [
        f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]"
        for b, c in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert len(_error(tmp_path, "\n".join([*lists, "columns: *i"]))) < 10_000


@pytest.mark.parametrize("text", ["[" * 5000, f"seed: {'9' * 5000}", "x: !!python/tuple [1]"])
def test_yaml_that_the_reader_cannot_process_is_an_error(tmp_path: Path, text: str) -> None:
    assert "params.yaml is not valid YAML" in _error(tmp_path, text)
