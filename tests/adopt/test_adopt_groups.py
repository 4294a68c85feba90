"""Adopt a table with groups of people that are too small to be compared, or that nobody is in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd


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
