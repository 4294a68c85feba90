"""An export whose scores differ from its pipeline's, or that cannot be loaded."""

from __future__ import annotations

from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import refuses

BENT = '''
from typing import Any

from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_shape_calculator
from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sluice.train.columns import for_linear


class Bent(LogisticRegression):
    """Its export, inherited, knows nothing of the bend."""

    def predict_proba(self, X: Any) -> Any:
        straight = super().predict_proba(X)
        return straight * 0.98 + 0.01


name = "SklearnLinearClassifier"
options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False],
           "output_class_labels": [False, True]}
update_registered_converter(
    Bent, "ToyBent", get_shape_calculator(name), convert_sklearn_linear_classifier, options=options
)


def bent(task: Any, columns: Any, seed: int) -> Pipeline:
    return Pipeline([("columns", for_linear(columns)), ("model", Bent())])


CANDIDATES = {"bent": bent}
TRUSTED = ("usecase.candidates.Bent",)
'''
NO_CONVERTER = """
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sluice.train.columns import for_linear


def kernel(task, columns, seed):
    sampler = RBFSampler(random_state=seed, n_components=10)
    steps = [("columns", for_linear(columns)), ("sampler", sampler),
             ("model", LogisticRegression())]
    return Pipeline(steps)


CANDIDATES = {"kernel": kernel}
TRUSTED = ()
"""


def _only(toy: Toy, model: str, source: str) -> None:
    toy.write("src/usecase/candidates.py", source)
    with toy.params() as params:
        params["candidates"] = {model: {"model": model}}


def test_an_export_with_different_scores(toy: Toy) -> None:
    _only(toy, "bent", BENT)
    ran = toy.sluice("package", "build")
    reasons = {
        "parity/holdout/difference": ("fail", "is outside the bound of at most 1e-06"),
        "parity/edges/difference": ("fail", "is outside the bound of at most 1e-06"),
    }
    unmet = {n: ("fail", "") for n, f in toy.findings("parity").items() if f["status"] != "pass"}
    refuses(toy, ran, "parity", unmet | reasons)


def test_a_type_that_nobody_trusts(toy: Toy) -> None:
    _only(toy, "bent", BENT.replace('("usecase.candidates.Bent",)', "()"))
    ran = toy.sluice("package", "build")
    _stopped(toy, ran.status, ran.said, r"usecase.candidates.Bent", "TRUSTED")


def test_an_estimator_that_cannot_be_exported(toy: Toy, in_process: InProcess) -> None:
    _only(toy, "kernel", NO_CONVERTER)
    ran = in_process(toy, "train", "kernel")
    assert ran.status == 2
    assert "the model cannot be exported to ONNX" in ran.line
    assert "RBFSampler" in ran.line
    assert "Traceback" not in ran.said


def _stopped(toy: Toy, status: int, said: str, *reasons: str) -> None:
    assert status == 1
    assert "Traceback" not in said
    assert toy.packages == []
    report, text = toy.report(), toy.text("out/report/report.md")
    assert not report["releasable"]
    for reason in reasons:
        assert reason in report["reason"]
        assert reason in text.split("\n| Verdict", 1)[0]
    for verdict in report["gates"]:
        if verdict["gate"] != "data-quality":
            assert "did not run" in verdict["why"], verdict


def test_the_model_of_another_build(toy: Toy, in_process: InProcess) -> None:
    """Other coefficients with the same signature; then a file that is not a model."""
    model = toy.root / "out/model/model.onnx"
    with toy.params() as params:
        params["candidates"]["linear"]["parameters"] = {"C": 1e-4}
        params["candidates"].pop("boosting")
    real = model.read_bytes()
    for command in (["train", "linear"], ["select"], ["export"]):
        in_process(toy, *command).went_well()
    assert model.read_bytes() != real
    model.write_bytes(real)
    ran = in_process(toy, "check", "parity")
    assert ran.status == 1
    assert ran.out.startswith("parity: fail: parity/")
    assert toy.verdict("parity")["status"] == "fail"

    model.write_bytes(b"\x80\x04\x95 not a model")
    ran = in_process(toy, "check", "parity")
    assert ran.status == 2
    assert "model.onnx cannot be loaded" in ran.line
    assert "Traceback" not in ran.said
    assert toy.verdict("parity")["status"] == "insufficient"

    model.write_bytes(real)
    scores = toy.root / "out/model/holdout.npy"
    scores.write_bytes(scores.read_bytes()[:-8])
    ran = in_process(toy, "check", "parity")
    assert ran.status == 2
    assert "out/model/holdout.npy is not readable" in ran.line
    assert "Traceback" not in ran.said
