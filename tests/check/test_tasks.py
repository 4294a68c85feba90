"""Multi-class tasks and regressions use the same stages and gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.refusal import refuses

_ON_ITS_WORST_SIDE = {
    "multiclass": ("performance/balanced_accuracy", "balanced_accuracy", {"low": 0.99}),
    "regression": ("performance/r2", "r2", {"low": 0.999}),
}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_model_passes_and_a_stricter_bound_refuses_it(
    built: Callable[[str], Toy], tmp_path: Path, task: str
) -> None:
    green = built(task)
    report = green.report()
    assert report["releasable"]
    assert report["task"] == task
    assert green.sluice("package", "verify", str(green.package)).went_well()
    assert not list((green.root / "dist").glob("*.unfinished"))

    toy = green.copy(tmp_path / "toy")
    name, metric, bound = _ON_ITS_WORST_SIDE[task]
    with toy.params() as params:
        params["performance"]["bounds"] = {metric: bound}
        params["fairness"]["group_rows"] = 400
    ran = toy.sluice("package", "build")
    why = f"is outside the bound of at least {bound['low']:g}"
    refuses(toy, ran, "performance", {name: ("fail", why)})
    small = {
        name: ("insufficient", "at least 400 are needed: about")
        for name, f in toy.findings("fairness").items()
        if name.endswith("/rows") and f["status"] == "insufficient"
    }
    unmet = {
        name: ("insufficient", "")
        for name, f in toy.findings("fairness").items()
        if f["status"] != "pass"
    }
    assert small
    refuses(toy, ran, "fairness", unmet | small, first=False)
