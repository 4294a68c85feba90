"""What a commit brings along is not what a run found."""

from __future__ import annotations

import re
import shutil

import pytest

from fixture_project import Toy


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
