"""Packages of multi-class and regression tasks pass both commands."""

import pytest

from support.staging.trials import attempt


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_passes(built, task, tmp_path):
    toy = built(task)
    trial = attempt(toy, tmp_path / "out")
    assert trial.status == 0, trial.ran.said
    assert trial.results.passes
    batch = toy.sluice("staging", "batch", str(toy.package))
    assert batch.status == 0, batch.said
