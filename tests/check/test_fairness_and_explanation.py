"""An unfair model, groups that are too small to judge, and forbidden inputs."""

from __future__ import annotations

import numpy as np

from sluice.check.explanation import _forbidden_inputs
from sluice.project import Project
from sluice.verdict import Status
from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import gate_refuses, refuses


def test_a_proxy_of_the_sensitive_column(toy: Toy) -> None:
    """Labels that depend on the side, an input that reveals the side, and two tiny groups."""
    random = np.random.default_rng(5)
    data = toy.data()
    left = (data["side"] == "left").to_numpy()
    data["waste"] = np.where(left, 5, -5) + random.normal(0, 1, len(data)).round(2)
    often = np.where(left, 0.85, 0.1)
    data["late"] = np.where(random.random(len(data)) < often, "yes", "no")
    toy.write_data(data)
    with toy.params() as params:
        params["columns"]["side"]["values"].append("middle")
        params["data"]["sensitive"] = {
            "side": {"groups": {"left": ["left"], "right": ["right"], "middle": ["middle"]}},
            "born": {"bands": [1950, 1975]},
        }
        params["performance"]["bounds"] = {"recall": {"low": 0.001}}
        params["performance"]["over_baselines"] = 0.0
        params["candidates"].pop("boosting")
    ran = toy.sluice("package", "build")
    found = toy.findings("fairness")
    unfair = found["fairness/side/selection_rate difference"]
    assert unfair["status"] == "fail"
    low, high = unfair["interval"]
    span = f"{unfair['estimate']:.4g} ({low:.4g} to {high:.4g})"
    assert low > 0.2
    assert unfair["why"] == f"{span} is outside the bound of at most 0.2"
    gone, small = found["fairness/side=middle/rows"], found["fairness/born=under 1950/rows"]
    assert (gone["status"], gone["n"]) == ("insufficient", 0)
    assert "no row of this group is in the holdout, at least 100 are needed" in gone["why"]
    assert small["status"] == "insufficient"
    assert 0 < small["n"] < 100
    assert "more holdout rows, or accept this finding by name" in small["why"]
    unmet = {f["name"]: (f["status"], "") for f in found.values() if f["status"] != "pass"}
    report = [each["gate"] for each in toy.report()["gates"] if each["status"] == "fail"]
    refuses(toy, ran, "fairness", unmet, first=report[0] == "fairness")
    refuses(
        toy,
        ran,
        "explanation",
        {
            "explanation/share of waste": ("fail", "is outside the bound of at most 0.6"),
            "explanation/proxy of side/waste": ("fail", "'waste' alone distinguishes"),
            "explanation/proxy of side/all inputs": ("insufficient", "is outside the bound of at"),
        },
        first=False,
    )


def test_forbidden_inputs_are_refused(toy: Toy, in_process: InProcess) -> None:
    """A model of the target, the id and a sensitive column, which no settings would allow."""
    allowed = toy.text("params.yaml")
    with toy.params() as params:
        params["data"] |= {"target": "side", "positive": "left", "id": None, "sensitive": {}}
        params["columns"]["key"] = {"type": "category", "levels": ["k00001"]}
        params["candidates"].pop("boosting")
    for command in (["train", "linear"], ["select"], ["export"]):
        in_process(toy, *command).went_well()
    toy.write("params.yaml", allowed)
    ran = in_process(toy, "check", "explanation")
    assert ran.status == 1
    assert "Traceback" not in ran.said
    assert ran.out.startswith("explanation: fail: explanation/inputs/")
    found = toy.findings("explanation")
    for name, what in {"late": "the target", "key": "the id", "born": "a sensitive column"}.items():
        finding = found[f"explanation/inputs/{name}"]
        assert finding["status"] == "fail"
        assert finding["why"] == f"{name!r} is {what} and must not be a model input"
    # The next run does not accept the tampered model.
    toy.sluice("run").went_well()
    inputs = [column["name"] for column in toy.json("out/model/signature.json")["inputs"]]
    assert "key" not in inputs


def test_a_share_of_importance_near_its_bound_is_insufficient(
    toy: Toy, in_process: InProcess
) -> None:
    findings = toy.findings("explanation")
    (name,) = (name for name in findings if name.startswith("explanation/share of"))
    share, (_, high) = findings[name]["estimate"], findings[name]["interval"]
    with toy.params() as params:
        params["explanation"]["largest_share"] = round((share + high) / 2, 4)
    ran = in_process(toy, "check", "explanation")
    why = r"the interval crosses the bound of at most 0\.\d+; a bound of 0\.\d+ would settle it"
    gate_refuses(toy, ran, "explanation", {name: ("insufficient", why)})


def test_a_sensitive_input_is_allowed_by_name_alone(toy: Toy) -> None:
    with toy.params() as params:
        params["data"]["sensitive_inputs"] = ["side"]
    settings = Project(toy.root).settings
    (fine,) = _forbidden_inputs(settings, ["weight", "side"])
    assert fine.status is Status.PASS
    (born,) = _forbidden_inputs(settings, ["weight", "side", "born"])
    assert (born.name, born.status) == ("explanation/inputs/born", Status.FAIL)
