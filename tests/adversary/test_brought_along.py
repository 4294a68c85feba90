"""What a commit brings along is not what a run found."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest
from ruamel.yaml import YAML

from fixture_project import Toy

_WORSE = "return MODELS['boosting'](*arguments, max_iter=1, max_leaf_nodes=2, learning_rate=0.01)"


def _refused(toy: Toy, place: str) -> None:
    ran = toy.sluice("package", "build")
    assert ran.status == 2
    assert ran.line.startswith(f"git tracks {place}")
    assert "must come from a run" in ran.line
    assert toy.packages == []
    assert toy.report()["reason"].startswith(f"git tracks {place}")


def test_a_cache_that_is_committed(toy: Toy) -> None:
    """DVC takes outputs that dvc.lock names out of the cache, so nothing would run."""
    toy.git("add", "-f", ".dvc/cache")
    toy.git("commit", "-qm", "cache")
    shutil.rmtree(toy.root / "out")
    _refused(toy, ".dvc/cache/")


def test_verdicts_that_are_committed(toy: Toy) -> None:
    toy.git("add", "-f", "out/verdicts")
    toy.git("commit", "-qm", "verdicts")
    _refused(toy, "out/verdicts/")


def test_a_lock_that_claims_an_earlier_verdict_for_another_model(toy: Toy) -> None:
    """With its outputs still in a cache, DVC would take them for those of the new model."""
    before = _stages(toy)["performance"]
    code = toy.text("src/usecase/candidates.py")
    toy.write(
        "src/usecase/candidates.py",
        code.replace("return builder(*arguments, **parameters)", _WORSE),
    )
    toy.dvc("repro", "export").went_well()
    stages = _stages(toy)
    today = {out["path"]: out for stage in stages.values() for out in stage.get("outs", [])}
    deps = [today.get(dep["path"], dep) for dep in before["deps"]]
    claimed = {"schema": "2.0", "stages": {**stages, "performance": {**before, "deps": deps}}}
    toy.write("dvc.lock", json.dumps(claimed))
    toy.commit()

    ran = toy.sluice("package", "build", "--locked")
    assert ran.status == 1
    assert toy.verdict("performance")["status"] != "pass"
    assert toy.packages == []
    assert toy.json("dvc.lock") == claimed  # a run that fails leaves it alone


def _stages(toy: Toy) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load(toy.text("dvc.lock"))["stages"]
    return stages


@pytest.mark.parametrize("setting", ["dir = store", "local = embedded"])
def test_a_cache_in_the_committed_store(toy: Toy, setting: str) -> None:
    toy.write(".dvc/config", toy.text(".dvc/config") + f"[cache]\n    {setting}\n")
    _refused(toy, ".dvc/store/")


def test_a_gate_that_does_not_read_its_bounds(toy: Toy) -> None:
    """Its stage would look unchanged when a bound changes."""
    text = toy.text("dvc.yaml")
    toy.write("dvc.yaml", re.sub(r"params: \[.*fairness, accept\]", "params: [task, accept]", text))
    with toy.params() as params:
        params["fairness"]["bounds"] = {"selection_rate_difference": {"high": 0.0}}
    ran = toy.sluice("package", "build")
    assert ran.status == 2
    assert ran.line == "dvc.yaml: the stage 'fairness' must name 'fairness' under params"
    assert toy.packages == []
