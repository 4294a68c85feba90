"""The baselines that a model must beat are never worse than guessing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sluice.check.baselines import baselines
from sluice.metrics import METRICS
from sluice.project import Project
from support.fixture_project import params
from support.fixture_project.data import TARGET


def project(folder: Path, *, informative: bool) -> tuple[Project, pd.DataFrame]:
    """A split with a constant input and another: noise, or a number that separates the classes."""
    made = params("binary")
    for column in made["columns"].values():
        column["use"] = "ignored"
    made["columns"] |= {"number": {"type": "number"}, "flat": {"type": "number"}}
    made["selection"]["metric"] = "log_loss"
    (folder / "params.yaml").write_text(yaml.safe_dump(made), "utf-8")
    there = Project(folder)
    random = np.random.default_rng(3)
    for part in ("train", "validation", "holdout"):
        answers = random.integers(0, 2, 200)
        frame = pd.DataFrame(
            {
                TARGET["binary"]: np.array(["no", "yes"])[answers],
                "flat": 1.0,
                "number": random.normal(size=200) + 4.0 * answers * informative,
            }
        )
        there.split(part).parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(there.split(part), index=False)
    return there, frame


@pytest.mark.parametrize("informative", [True, False])
def test_the_best_single_column_is_never_worse_than_guessing(
    tmp_path: Path, informative: bool
) -> None:
    there, holdout = project(tmp_path, informative=informative)
    found = baselines(there, holdout)
    loss = {name: METRICS["log_loss"].compute(outcome) for name, outcome in found.items()}
    guess = loss.pop("the majority class")
    (single,) = loss.values()
    assert informative <= (list(loss) == ["the best single column (number)"])
    assert single < guess / 2 if informative else single == guess
