"""Problems that real data of new users has caused."""

from __future__ import annotations

import math

from sluice.config import validate
from sluice.model import Input, Signature
from sluice.pipeline import dvc
from sluice.scenario import Alone
from sluice.standing import standing
from sluice.verdict import Bound, Status, judge
from support.command_line import InProcess
from support.fixture_project import Toy, params


def test_no_sensitive_columns_and_that_is_accepted(toy: Toy, in_process: InProcess) -> None:
    """DVC requires all outputs of the stage, even if the gate had nothing to compare."""
    with toy.params() as changed:
        changed["data"]["sensitive"] = {}
        for name in ("side", "born"):
            changed["columns"][name]["use"] = "ignored"
        finding = "fairness/sensitive columns"
        changed["accept"] = [{"finding": finding, "reason": "nobody is known by these rows"}]
    ran = in_process(toy, "check", "fairness")
    assert ran.status == 0, ran.said
    assert toy.json("out/evidence/fairness/groups.json") == []


def test_float32_sums_of_one_row_and_of_many() -> None:
    """ONNX Runtime sums trees in another order for one row than for many."""
    settings = validate(params("regression"), "params.yaml")
    made = standing(Signature("regression", (Input("weight", "number"),)), settings)
    (alone,) = (scenario for scenario in made if isinstance(scenario, Alone))
    assert alone.tolerance == settings.parity.tolerance


def test_two_runs_at_the_same_time_do_not_interfere(toy: Toy) -> None:
    """The second run must neither wait for DVC's locks nor delete files of the first one."""
    with dvc.exclusive(toy.root):
        ran = toy.sluice("package", "build")
    assert ran.status == 2
    assert ran.line == "another sluice command is running in this folder: wait until it has ended"
    assert ran.said.count("\n") == 1
    assert toy.report()["releasable"]


def test_an_infinite_difference_fails() -> None:
    """If it were only `insufficient`, an export that scores NaN could be accepted by name."""
    finding = judge("parity/edges/difference", math.inf, Bound("params.yaml", high=1e-6))
    assert finding.status is Status.FAIL
