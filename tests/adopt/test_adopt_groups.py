"""Adopt a table with groups of people that are too small, mutually exclusive or empty."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice import cli, table
from sluice.check.groups import groupings
from sluice.files import read_json
from sluice.project import Project
from sluice.verdict import Verdict
from support.adoption import train_best


def people(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    kind = np.repeat(["black", "hispan", "white"], [200, 16, 284])
    frame = pd.DataFrame({name: (kind == name).astype(int) for name in ("black", "hispan")})
    frame["x"] = random.normal(size=len(frame)).round(4)
    frame["y"] = (frame["x"] + random.normal(size=len(frame))).round(4)
    return frame


@pytest.mark.heavy
def test_columns_of_which_at_most_one_is_1_form_one_attribute(
    project: Path,
    adopted: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = people(5)
    frame.to_csv(tmp_path / "people.csv", index=False)
    said = adopted(tmp_path / "people.csv", "y", sensitive=("black", "hispan"))
    assert any("'black' and 'hispan' are compared as one attribute" in line for line in said)
    thin = [line for line in said if "rows in the holdout" in line]
    assert len(thin) == 1
    assert re.search(r"'black or hispan=hispan' will have about [3-7] rows", thin[0])
    assert "'fairness/black or hispan=hispan/rows' by name" in thin[0]
    train_best(project)
    monkeypatch.chdir(project)
    assert cli.main(["check", "fairness"]) == 1
    verdict = Verdict.read((project / "out/verdicts/fairness.json").read_bytes(), "fairness")
    assert {finding.name for finding in verdict.findings} == {
        "fairness/black or hispan=hispan/rows",
        "fairness/black or hispan/mean_error difference",
        "fairness/black or hispan/absolute_error difference",
    }
    groups = read_json(project / "out/evidence/fairness/groups.json")
    named = [each["group"].partition("=")[2] for each in groups[0]["groups"]]
    assert named == ["black", "hispan", "neither"]


def test_a_row_with_both_values_forms_a_group_that_needs_more_rows(
    project: Path, adopted: Callable[..., list[str]], tmp_path: Path
) -> None:
    frame = people(6)
    frame.to_csv(tmp_path / "people.csv", index=False)
    adopted(tmp_path / "people.csv", "y", sensitive=("black", "hispan"))
    settings = Project(project).settings
    typed = table.typed(
        frame.assign(hispan=frame["hispan"].where(frame["x"] < 2, 1)), settings.columns
    )
    (grouping,) = groupings(typed, settings)
    assert grouping.names[2:] == ("black or hispan=black and hispan", "black or hispan=neither")


def test_rare_columns_that_by_chance_never_coincide_stay_separate(
    project: Path, adopted: Callable[..., list[str]], tmp_path: Path
) -> None:
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"deaf": [1] * 30 + [0] * 270, "blind": [0] * 30 + [1] * 30 + [0] * 240})
    frame["sex"] = random.choice(["f", "m"], 300)
    frame.loc[frame["deaf"] == 1, "sex"] = "f"
    frame["x"] = random.normal(size=300).round(4)
    frame["y"] = (frame["x"] + random.normal(size=300)).round(4)
    frame.to_csv(tmp_path / "people.csv", index=False)
    said = adopted(tmp_path / "people.csv", "y", sensitive=("deaf", "blind", "sex"))
    assert Project(project).settings.data.attributes == {}
    notes = [line for line in said if line.startswith("Note: no row is in")]
    assert len(notes) == 1
    assert "deaf=1 & sex=m" in notes[0]


def test_a_class_that_is_too_rare_for_an_interval_is_announced(
    project: Path, adopted: Callable[..., list[str]], tmp_path: Path
) -> None:
    random = np.random.default_rng(9)
    frame = pd.DataFrame(
        {"x": random.normal(size=100).round(3), "y": ["rare"] * 14 + ["usual"] * 86}
    )
    frame.to_csv(tmp_path / "kinds.csv", index=False)
    said = adopted(tmp_path / "kinds.csv", "y")
    warned = [line for line in said if "a confidence interval needs" in line]
    assert len(warned) == 1
    assert re.match(r"WARNING: class 'rare' has [1-9] rows in the holdout", warned[0])


def test_no_error_in_few_rows_does_not_make_a_strict_bound(
    project: Path, adopted: Callable[..., list[str]], tmp_path: Path
) -> None:
    """With so few rows of a class and group in the holdout, one error is a difference of 0.2."""
    random = np.random.default_rng(8)
    kind = np.tile(["a", "b", "c"], 100)
    frame = pd.DataFrame(
        {"x": np.searchsorted(["a", "b", "c"], kind) + random.normal(0, 0.15, 300)}
    )
    frame["sex"] = np.where(random.random(300) < 0.15, "f", "m")
    frame["y"] = kind
    frame.round(3).to_csv(tmp_path / "kinds.csv", index=False)
    adopted(tmp_path / "kinds.csv", "y", sensitive=("sex",), keep_suspects=True)
    bounds = Project(project).settings.fairness.bounds
    assert bounds["false_negative_rate_difference"].high == 0.5
    assert 0.3 <= bounds["false_positive_rate_difference"].high <= 0.5
