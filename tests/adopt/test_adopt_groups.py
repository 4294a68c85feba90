"""Adopt a table with groups of people that are too small to be compared, or that nobody is in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from sluice.project import Project


def test_adopt_names_groups_that_are_too_small_and_combinations_that_nobody_has(
    project: Path, adopted: Callable[..., list[str]], tmp_path: Path
) -> None:
    random = np.random.default_rng(5)
    kind = np.repeat(["black", "hispan", "white"], [200, 16, 284])
    frame = pd.DataFrame({name: (kind == name).astype(int) for name in ("black", "hispan")})
    frame["x"] = random.normal(size=len(frame)).round(4)
    frame["y"] = (frame["x"] + random.normal(size=len(frame))).round(4)
    frame.to_csv(tmp_path / "people.csv", index=False)
    said = adopted(tmp_path / "people.csv", "y", sensitive=("black", "hispan"))
    notes = [line for line in said if line.startswith("Note: no row is in")]
    assert len(notes) == 1
    assert "black=1 & hispan=1" in notes[0]
    thin = [line for line in said if "rows in the holdout" in line]
    assert any(re.search(r"'hispan=1' will have about [3-7] rows", line) for line in thin)
    assert any("'fairness/hispan=1/rows' by name" in line for line in thin)
    assert not any("'black=1'" in line for line in thin)


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
