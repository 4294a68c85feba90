"""A scenario of each kind that the model violates is refused under its own name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sluice import scenario
from sluice.model import Model
from sluice.scenario import Alone, Book
from sluice.verdict import Status
from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import gate_refuses, refuses

ROW = {"weight": 95, "slope": 2, "visits": 9, "waste": 0, "colour": "red"}
BROKEN = f"""
from sluice.scenario import Direction, Edge, Invariance, Known, Recorded, Sample

ROW = {ROW!r}
SCENARIOS = [
    Known(name="a wrong decision", row=ROW, decision="no"),
    Known(name="a wrong score", row=ROW, high=0.2),
    Known(name="a row that lacks a column", row={{"weight": 1}}, low=0.1),
    Edge(name="refused though fit", change={{"slope": 1}}, refused="slope"),
    Edge(name="fit though refused", change={{"slope": "steep"}}),
    Edge(name="refused by another column", without=("waste",), refused="slope"),
    Sample(name="a mean out of reach", sample="latest", low=0.99),
    Recorded(name="scores of another model", sample="holdout", scores=[[0.5]] * 100,
             tolerance=1e-6),
    Recorded(name="scores of other rows", sample="holdout", scores=[[0.5]], tolerance=1e-6),
    Invariance(name="the weight does not matter", column="weight", values=[40, 90]),
    Direction(name="a steeper slope lowers it", column="slope", values=[-1, 0, 1],
              effect="not higher"),
]
"""


def test_each_kind(toy: Toy) -> None:
    toy.write("src/usecase/scenarios.py", BROKEN)
    ran = toy.sluice("package", "build")
    reasons = {
        "a wrong decision": "expected 'no', the model decides 'yes'",
        "a wrong score": "is outside the bound of at most 0.2",
        "a row that lacks a column": "refused: row 0, column 'slope': is missing",
        "refused though fit": "scored, but column 'slope' must be refused",
        "fit though refused": "refused: row 0, column 'slope': expected a number, found 'steep'",
        "refused by another column": "refused: row 0, column 'waste': is missing",
        "a mean out of reach": "is outside the bound of at least 0.99",
        "scores of another model": "is outside the bound of at most 1e-06",
        "scores of other rows": r"\(1, 1\) scores recorded, \(100, 1\) given",
        "the weight does not matter": "is outside the bound of at most 1e-06",
        "a steeper slope lowers it": "slope from .* moves the score of sample row .* the wrong way",
    }
    refuses(
        toy,
        ran,
        "scenarios",
        {f"scenarios/{name}": ("fail", why) for name, why in reasons.items()},
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("1 / 0", "src/usecase/scenarios.py: ZeroDivisionError: division by zero"),
        ("SCENARIOS = ['be good']", "src/usecase/scenarios.py: .*'be good'"),
    ],
)
def test_scenarios_that_cannot_be_loaded(
    toy: Toy, in_process: InProcess, source: str, why: str
) -> None:
    toy.write("src/usecase/scenarios.py", source + "\n")
    ran = in_process(toy, "check", "scenarios")
    gate_refuses(toy, ran, "scenarios", {"scenarios/ran": ("insufficient", why)})


def test_two_scenarios_of_one_name(toy: Toy) -> None:
    """A scenario may also not have the name of one that sluice adds to every model."""
    for name in ("flat", "every value missing"):
        toy.write(
            "src/usecase/scenarios.py",
            f"from sluice.scenario import Edge\nSCENARIOS = [Edge(name={name!r}, "
            "change={'visits': 0})]" + " * 2" * (name == "flat"),
        )
        ran = toy.sluice("check", "scenarios")
        assert ran.status == 2
        assert ran.line.startswith(f"two findings are named 'scenarios/{name}': give each its own")
        assert list(toy.findings("scenarios")) == ["scenarios/ran"]


def test_a_score_that_depends_on_other_rows(tmp_path: Path) -> None:
    """A model that centres each batch gives a row another score alone than among others."""
    nodes = [
        helper.make_node("ReduceMean", ["numbers", "axis"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["numbers", "mean"], ["centred"]),
        helper.make_node("Sigmoid", ["centred"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "batch",
        [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("scores", TensorProto.DOUBLE, [None, 2])],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [0]),
            helper.make_tensor("one", TensorProto.DOUBLE, [1], [1.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, tmp_path / "model.onnx")
    signature = (
        '{"task": "binary", "inputs": [{"name": "x", "type": "number"}], '
        '"classes": ["no", "yes"], "decision": {"threshold": 0.5}}'
    )
    (tmp_path / "signature.json").write_text(signature)
    rows = [{"x": float(value)} for value in np.arange(4)]
    book = Book({"latest": rows}, [Alone(name="alone as among others")])
    (finding,) = scenario.run(Model(tmp_path), book)
    assert finding.status is Status.FAIL
