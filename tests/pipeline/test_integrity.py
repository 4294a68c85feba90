"""No way around the gates: neither by editing the road nor by editing what they said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import integrity
from sluice.project import Project
from support.fixture_project import Ran, Toy
from support.refusal import refuses

CHECKOUT = Path(__file__).parents[2]
Stages = dict[str, dict[str, Any]]


def _edit_stage(toy: Toy, gate: str, change: str) -> None:
    """Change one stage of dvc.yaml: remove it, or put a line into it."""
    text = toy.text("dvc.yaml")
    stage = re.search(rf"^  {gate}:\n(?:    .*\n|\n)+", text, re.MULTILINE)
    assert stage
    edited = stage[0]
    if change == "removed":
        edited = ""
    elif change == "frozen":
        edited = edited.rstrip("\n") + "\n    frozen: true\n\n"
    elif change == "blind":
        edited = edited.replace("out/model, ", "")
    elif change == "deaf":
        edited = edited.replace("fairness, ", "")
    else:
        edited = re.sub(r"cmd: .*", f"cmd: {change}", edited)
    assert edited != stage[0]
    toy.write("dvc.yaml", text.replace(stage[0], edited))


def _names_the_gate(toy: Toy, ran: Ran, gate: str) -> None:
    assert ran.status != 0
    assert "Traceback" not in ran.said
    assert toy.packages == []
    report = toy.report()
    assert not report["releasable"]
    assert gate in report["reason"]
    assert gate in toy.text("out/report/report.md").split("\n| Verdict", 1)[0]
    (verdict,) = (each for each in report["gates"] if each["gate"] == gate)
    assert verdict["status"] != "pass"


@pytest.mark.parametrize(
    "change", ["removed", "frozen", "blind", "deaf", "'true'", "sluice --version"]
)
def test_a_gate_out_of_the_road(toy: Toy, change: str) -> None:
    """Its pass of an earlier run lies there, and it would refuse now."""
    _edit_stage(toy, "fairness", change)
    with toy.params() as params:
        params["fairness"]["bounds"] = {"selection_rate_difference": {"high": 0.0}}
    _names_the_gate(toy, toy.sluice("package", "build"), "fairness")


def test_verdicts_that_come_with_a_commit(toy: Toy) -> None:
    toy.git("add", "-f", "out/verdicts")
    ran = toy.sluice("package", "build")
    assert ran.status == 2
    assert "git tracks out/verdicts/data-quality.json" in ran.line
    assert toy.packages == []


def test_a_package_stage_out_of_the_road(toy: Toy) -> None:
    """What an earlier run put together must not be sealed as what this one judged."""
    _edit_stage(toy, "package", "removed")
    ran = toy.sluice("package", "build")
    assert ran.status != 0
    assert toy.packages == []
    assert "package" in toy.report()["reason"]


def test_a_verdict_edited_by_hand(toy: Toy) -> None:
    with toy.params() as params:
        params["performance"]["bounds"] = {"roc_auc": {"low": 0.99}}
    reasons = {"performance/roc_auc": ("fail", "is outside the bound of at least 0.99")}
    refuses(toy, toy.sluice("run"), "performance", reasons)
    assert toy.report()["selection"]["chosen"]
    path = "out/verdicts/performance.json"
    said = toy.text(path)

    edited = {
        "it was edited by hand": said.replace('"status": "fail"', '"status": "pass"', 1),
        "holds the verdict of 'parity'": toy.text("out/verdicts/parity.json"),
        "not a verdict": "{}",
    }
    for why, text in edited.items():
        toy.write(path, text)
        ran = toy.sluice("package", "assemble")
        assert ran.status == 2
        assert "performance: fail: " in ran.line
        assert why in ran.line

    # Edited so that nothing in it disagrees.
    verdict = json.loads(said)
    verdict["findings"] = verdict["findings"][1:]
    verdict |= {"status": "pass", "why": "All 2 findings are within bounds."}
    toy.write(path, json.dumps(verdict))
    refuses(toy, toy.sluice("package", "build"), "performance", reasons)


def test_a_gate_that_is_none(toy: Toy) -> None:
    ran = toy.sluice("check", "vibes")
    assert ran.status == 2
    assert ran.line.startswith("no gate 'vibes': expected one of data-quality, parity,")


def _forge(stages: Stages, **stage: Any) -> None:
    """A stage beside the road that brings a verdict."""
    stages["forge"] = {"cmd": "cp kept.json out/verdicts/parity.json"} | stage


def _no_stage(stages: Stages) -> None:
    stages["parity"]["matrix"] = {"x": []}
    _forge(stages, outs=["out/verdicts/parity.json"])


def _each_of_none(stages: Stages) -> None:
    stages["parity"] |= {"foreach": [], "do": {"cmd": "true"}}


def _another_folder(stages: Stages) -> None:
    stages["fairness"]["wdir"] = "decoy"


def _outs(name: str, outs: Any) -> Callable[[Stages], None]:
    return lambda stages: stages[name].update(outs=outs)


def _beside(**stage: Any) -> Callable[[Stages], None]:
    return lambda stages: _forge(stages, **stage)


def _edit(toy: Toy, change: Callable[[Stages], None]) -> None:
    raw = read_yaml(toy.root / "dvc.yaml")
    change(raw["stages"])
    toy.write("dvc.yaml", json.dumps(raw))


def _refusal(toy: Toy) -> str:
    """What stands in the way of a run here; nothing where nothing does."""
    try:
        integrity.require_intact(Project(toy.root))
    except SluiceError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_no_stage, "the stage 'parity' has 'matrix': remove it, the only keys may be"),
        (
            _another_folder,
            "the stage 'fairness' has a 'wdir': remove it, because every stage must run",
        ),
        (
            _outs("fairness", []),
            "the stage 'fairness' must have exactly the outs out/evidence/fairness and",
        ),
        (
            _beside(outs=["out/verdicts/forged.json"]),
            "the stage 'forge' has the output 'out/verdicts/forged.json': choose another path",
        ),
    ],
)
def test_a_road_beside_the_road(toy: Toy, change: Callable[[Stages], None], why: str) -> None:
    _edit(toy, change)
    ran = toy.sluice("run")
    assert ran.status == 2
    assert ran.line.startswith(f"dvc.yaml: {why}")
    assert "\n" not in ran.line
    assert toy.report()["reason"].startswith("dvc.yaml: the stage")
    assert not toy.report()["releasable"]


VERDICT = "out/verdicts/parity.json"
TRICKS = {
    "each of none": _each_of_none,
    "no outs": lambda stages: stages["parity"].pop("outs"),
    "not cached": _outs("parity", [{VERDICT: {"cache": False}}]),
    "kept": _outs("parity", [{VERDICT: {"persist": True}}]),
    "one more": _outs("parity", [VERDICT, "out/more.json"]),
    "the folder": _outs("parity", ["out/verdicts"]),
    "not a list": _outs("parity", {VERDICT: None}),
    "always": lambda stages: stages["parity"].update(always_changed=False),
    "a metric": lambda stages: stages["parity"].update(metrics=[VERDICT], outs=[]),
    "no package": _outs("package", []),
    "another model": _outs("export", ["out/elsewhere"]),
    "other candidates": lambda stages: stages["train"].update(
        matrix={"candidate": ["../verdicts"]}
    ),
    "no split": lambda stages: stages.pop("split"),
    "above": _beside(outs=["out"]),
    "all": _beside(outs=["."]),
    "dots": _beside(outs=["docs/../out/./evidence/new"]),
    "absolute": _beside(outs=["/"]),
    "case": _beside(outs=["OUT/Verdicts/new.json"]),
    "mapping": _beside(outs=[{"out/model/more": {"cache": False}}]),
    "metrics": _beside(metrics=["out/verdicts/new.json"]),
    "plots": _beside(plots=[{"out/evidence/new.json": {"x": "a"}}]),
    "template": _beside(matrix={"x": ["out/verdicts/a"]}, outs=["${item.x}"]),
    "each": _beside(foreach=["a"], do={"cmd": "true", "outs": ["out/split/${item}"]}),
    "each in another folder": _beside(foreach=["a"], do={"cmd": "true", "wdir": "out"}),
    "in another folder": _beside(wdir="out", outs=["verdicts/new.json"]),
    "a link": _beside(outs=["link/verdicts/new.json"]),
    "another file system": _beside(outs=["remote://here/out/verdicts/new.json"]),
}


def test_every_spelling_of_it(toy: Toy) -> None:
    (toy.root / "link").symlink_to("out")
    real = toy.text("dvc.yaml")
    for name, change in TRICKS.items():
        toy.write("dvc.yaml", real)
        _edit(toy, change)
        assert _refusal(toy).startswith("dvc.yaml: the stage '"), name
    toy.write("dvc.yaml", real + "\nvars: [{candidates: {../verdicts: {}}}]\n")
    assert _refusal(toy) == "dvc.yaml has 'vars': move the values to params.yaml"


def test_a_stage_of_the_forkers_own(toy: Toy) -> None:
    def own(stages: Stages) -> None:
        outs = [{"out/profile": {"cache": False}}, "out/models.txt"]
        stages["profile"] = {"cmd": "sh profile.sh", "deps": ["data"], "outs": outs}
        stages["each"] = {
            "foreach": ["a", "b"],
            "do": {"cmd": "echo ${item}", "metrics": ["metrics.json"], "desc": "ours"},
        }

    _edit(toy, own)
    assert _refusal(toy) == ""


def test_a_second_dvc_yaml(toy: Toy) -> None:
    toy.write("more/dvc.yaml", "stages: {forge: {cmd: 'true', outs: [../out/verdicts/new.json]}}\n")
    toy.git("add", "more")
    ran = toy.sluice("run")
    assert ran.status == 2
    assert ran.line == "git tracks more/dvc.yaml: move its stages to dvc.yaml in the root"


@pytest.mark.parametrize(
    ("key", "value"), [("cmd", "true"), ("deps", []), ("frozen", True), ("wdir", "..")]
)
def test_data_that_is_more_than_data(toy: Toy, key: str, value: Any) -> None:
    toy.write("data.dvc", json.dumps(read_yaml(toy.root / "data.dvc") | {key: value}))
    assert _refusal(toy) == f"data.dvc has '{key}': remove it, the file may only name files"


def test_another_file_of_data(toy: Toy) -> None:
    toy.write("docs/forged.dvc", json.dumps({"outs": [{"path": "../out/verdicts/new.json"}]}))
    toy.git("add", "docs")
    assert _refusal(toy).startswith("docs/forged.dvc has the output '../out/verdicts/new.json'")
