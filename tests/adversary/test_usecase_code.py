"""The use case's code cannot evade the gates, and changes of it must be noticed."""

from __future__ import annotations

import pytest

from support.command_line import InProcess
from support.fixture_project import Toy

_ALWAYS = """
from sluice.scenario import Known
from sluice.verdict import Finding, Status


class Mine(Known, tag="known", frozen=True, kw_only=True):
    def check(self, model, samples):
        return Finding(f"scenarios/{self.name}", Status.PASS, "always")


ROW = {"weight": 70, "slope": 0, "visits": 3, "waste": 0, "colour": "red"}
SCENARIOS = [Mine(name="is it certain?", row=ROW, low=0.999999)]
"""


def test_a_scenario_class_that_always_passes(toy: Toy, in_process: InProcess) -> None:
    """The stored scenario in the package is run, without the class that defined it."""
    toy.write("src/usecase/scenarios.py", _ALWAYS)
    ran = in_process(toy, "check", "scenarios")
    assert ran.status == 1
    found = toy.findings("scenarios")["scenarios/is it certain?"]
    assert found["status"] == "fail"
    assert "is outside the bound of at least 0.999999" in found["why"]


@pytest.mark.parametrize(
    ("gate", "module", "source", "why"),
    [
        ("scenarios", "scenarios", "SCENARIOS = None", "SCENARIOS is None, expected a sequence"),
        ("scenarios", "scenarios", "import sys\nsys.exit(0)", "SystemExit: 0"),
        (
            "data-quality",
            "expectations",
            "EXPECTATIONS = ['x']",
            "EXPECTATIONS holds 'x', expected an expectation",
        ),
    ],
)
def test_a_module_that_is_not_python(
    toy: Toy, in_process: InProcess, *, gate: str, module: str, source: str, why: str
) -> None:
    toy.write(f"src/usecase/{module}.py", source + "\n")
    ran = in_process(toy, "check", gate)
    assert ran.status == 2
    assert why in ran.line
    assert f"src/usecase/{module}.py" in ran.line
    assert toy.verdict(gate)["status"] == "insufficient"


_EXPECTED = """
import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

EXPECTATIONS = [gxe.ExpectColumnMeanToBeBetween(column="weight", min_value=0, {arguments})]
"""


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        # pandas would call the method in the process that judges.
        (
            "row_condition=\"weight.to_csv('attack') == 1\", condition_parser='pandas'",
            "write its row_condition with Column",
        ),
        (
            "row_condition=Column(\"`weight` < weight.to_csv('attack') or `weight`\") > 1",
            "write its row_condition with Column",
        ),
        (
            "row_condition=(Column('weight') > 1) & (Column('@sluice') > 1)",
            "write its row_condition with Column",
        ),
        ("max_value={'$PARAMETER': 'now()'}", "'$PARAMETER' refers to something else"),
    ],
)
def test_expectations_that_are_not_pure_data(
    toy: Toy, in_process: InProcess, arguments: str, why: str
) -> None:
    toy.write("src/usecase/expectations.py", _EXPECTED.format(arguments=arguments))
    ran = in_process(toy, "check", "data-quality")
    assert ran.status == 2
    assert why in ran.line
    assert not (toy.root / "attack").exists()


def test_an_expectation_of_some_rows(toy: Toy, in_process: InProcess) -> None:
    some = "row_condition=(Column('weight') > 10) & Column('visits').is_not_null()"
    toy.write("src/usecase/expectations.py", _EXPECTED.format(arguments=some))
    in_process(toy, "check", "data-quality").went_well()
    found = toy.findings("data-quality")
    name = "data-quality/usecase/expect_column_mean_to_be_between of weight"
    assert found[name]["status"] == "pass"


def test_an_expectation_that_cannot_fail(toy: Toy, in_process: InProcess) -> None:
    toy.write(
        "src/usecase/expectations.py",
        "from great_expectations.expectations import ExpectColumnValuesToBeBetween as Between\n"
        "EXPECTATIONS = [Between(column='weight', min_value=1e9, mostly=0)]\n",
    )
    ran = in_process(toy, "check", "data-quality")
    assert ran.status == 2
    assert "with mostly=0 it cannot fail" in ran.line


def test_a_module_of_the_forkers_own(toy: Toy) -> None:
    """A change of such a module changes every model that was made with it."""
    status = toy.dvc("status").went_well().out
    assert "train" not in status
    toy.write("src/usecase/helpers.py", "DEPTH = 3\n")
    status = toy.dvc("status").went_well().out
    for stage in ("data-quality", "train@boosting", "export", "scenarios"):
        assert f"{stage}:" in status
    # Stages that only judge results do not depend on the use case's code.
    for stage in ("parity", "performance", "fairness", "explanation"):
        assert f"\n{stage}:" not in status


def test_invalid_trusted_types(toy: Toy, in_process: InProcess) -> None:
    toy.write("src/usecase/candidates.py", toy.text("src/usecase/candidates.py") + "TRUSTED = 3\n")
    ran = in_process(toy, "export")
    assert ran.status == 2
    assert ran.line == "src/usecase/candidates.py: TRUSTED is 3, expected a sequence"


def test_a_model_that_reads_a_file_of_the_project(toy: Toy, in_process: InProcess) -> None:
    """ONNX allows constants in another file, which would be read when the model is judged."""
    import onnx

    path = toy.root / "out/model/model.onnx"
    model = onnx.load(str(path))
    stolen = onnx.TensorProto(
        dims=[100], data_type=onnx.TensorProto.UINT8, data_location=onnx.TensorProto.EXTERNAL
    )
    stolen.external_data.add(key="location", value="data/toy.csv")
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["stolen"], value=stolen))
    shown = onnx.helper.make_tensor_value_info("stolen", onnx.TensorProto.UINT8, [100])
    model.graph.output.append(shown)
    path.unlink()
    path.write_bytes(model.SerializeToString())
    ran = in_process(toy, "check", "parity")
    assert ran.status == 2
    assert "model.onnx cannot be loaded" in ran.line
    assert "data/toy.csv" in ran.line
