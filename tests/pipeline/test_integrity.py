"""No gate can be bypassed by an edit of dvc.yaml, of a .dvc file or of a verdict."""

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
from support.command_line import InProcess
from support.fixture_project import Ran, Toy
from support.refusal import refuses

CHECKOUT = Path(__file__).parents[2]
Stages = dict[str, dict[str, Any]]


def _edit_stage(toy: Toy, gate: str, change: str) -> None:
    """Change one stage of dvc.yaml as `change` says; a command replaces the stage's own."""
    text = toy.text("dvc.yaml")
    stage = re.search(rf"^  {gate}:\n(?:    .*\n|\n)+", text, re.MULTILINE)
    assert stage
    edited = stage[0]
    if change == "removed":
        edited = ""
    elif change == "frozen":
        edited = edited.rstrip("\n") + "\n    frozen: true\n\n"
    elif change == "without model":
        edited = edited.replace("out/model, ", "")
    elif change == "without bounds":
        edited = edited.replace("fairness, ", "")
    else:
        edited = re.sub(r"cmd: .*", f"cmd: {change}", edited)
    assert edited != stage[0]
    toy.write("dvc.yaml", text.replace(stage[0], edited))


def _refused_by_name(toy: Toy, ran: Ran, gate: str) -> None:
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
    "change", ["removed", "frozen", "without model", "without bounds", "'true'", "sluice --version"]
)
def test_a_gate_that_dvc_would_not_run(toy: Toy, in_process: InProcess, change: str) -> None:
    """The gate passed in an earlier run, and would refuse the candidate now."""
    _edit_stage(toy, "fairness", change)
    with toy.params() as params:
        params["fairness"]["bounds"] = {"selection_rate_difference": {"high": 0.0}}
    _refused_by_name(toy, in_process(toy, "package", "build"), "fairness")


def test_committed_verdicts_are_refused(toy: Toy, in_process: InProcess) -> None:
    toy.git("add", "-f", "out/verdicts")
    ran = in_process(toy, "package", "build")
    assert ran.status == 2
    assert "git tracks out/verdicts/data-quality.json" in ran.line
    assert toy.packages == []


def test_a_missing_package_stage_is_refused(toy: Toy, in_process: InProcess) -> None:
    """Without the stage, the parts of an earlier run would be used in the package of this run."""
    _edit_stage(toy, "package", "removed")
    ran = in_process(toy, "package", "build")
    assert ran.status != 0
    assert toy.packages == []
    assert "package" in toy.report()["reason"]


def test_an_edited_verdict_is_refused_or_replaced(toy: Toy) -> None:
    with toy.params() as params:
        params["performance"]["bounds"] = {"roc_auc": {"low": 0.99}}
    reasons = {"performance/roc_auc": ("fail", "is outside the bound of at least 0.99")}
    refuses(toy, toy.sluice("run"), "performance", reasons)
    assert toy.report()["selection"]["chosen"]
    path = "out/verdicts/performance.json"
    said = toy.text(path)

    edited = {
        "it was edited by hand": said.replace('"status": "fail"', '"status": "pass"', 1),
        "has the verdict of 'parity'": toy.text("out/verdicts/parity.json"),
        "not a verdict": "{}",
    }
    for why, text in edited.items():
        toy.write(path, text)
        ran = toy.sluice("package", "assemble")
        assert ran.status == 2
        assert "performance: fail: " in ran.line
        assert why in ran.line

    # This edit is consistent, so only a new run of the gate can detect it.
    verdict = json.loads(said)
    verdict["findings"] = verdict["findings"][1:]
    verdict |= {"status": "pass", "why": "All 2 findings are within bounds."}
    toy.write(path, json.dumps(verdict))
    refuses(toy, toy.sluice("package", "build"), "performance", reasons)


def test_an_unknown_gate_is_refused(toy: Toy, in_process: InProcess) -> None:
    ran = in_process(toy, "check", "vibes")
    assert ran.status == 2
    assert ran.line.startswith("no gate 'vibes': expected one of data-quality, parity,")


def _forge(stages: Stages, **stage: Any) -> None:
    """Add a stage that copies a prepared verdict."""
    stages["forge"] = {"cmd": "cp kept.json out/verdicts/parity.json"} | stage


def _empty_matrix(stages: Stages) -> None:
    stages["parity"]["matrix"] = {"x": []}
    _forge(stages, outs=["out/verdicts/parity.json"])


def _empty_foreach(stages: Stages) -> None:
    stages["parity"] |= {"foreach": [], "do": {"cmd": "true"}}


def _another_folder(stages: Stages) -> None:
    stages["fairness"]["wdir"] = "decoy"


def _outs(name: str, outs: Any) -> Callable[[Stages], None]:
    return lambda stages: stages[name].update(outs=outs)


def _forged(**stage: Any) -> Callable[[Stages], None]:
    return lambda stages: _forge(stages, **stage)


def _edit(toy: Toy, change: Callable[[Stages], None]) -> None:
    raw = read_yaml(toy.root / "dvc.yaml")
    change(raw["stages"])
    toy.write("dvc.yaml", json.dumps(raw))


def _refusal(toy: Toy) -> str:
    """Return the message with which a run would be refused; empty if it would not."""
    try:
        integrity.require_intact(Project(toy.root))
    except SluiceError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_empty_matrix, "the stage 'parity' has 'matrix': remove it; allowed keys are"),
        (
            _another_folder,
            "the stage 'fairness' has a 'wdir': remove it, because every stage must run",
        ),
        (
            _outs("fairness", []),
            "the stage 'fairness' must have exactly the outs out/evidence/fairness and",
        ),
        (
            _forged(outs=["out/verdicts/forged.json"]),
            "the stage 'forge' has the output 'out/verdicts/forged.json': choose another path",
        ),
    ],
)
def test_a_run_with_other_stages_is_refused(
    toy: Toy, in_process: InProcess, change: Callable[[Stages], None], why: str
) -> None:
    _edit(toy, change)
    ran = in_process(toy, "run")
    assert ran.status == 2
    assert ran.line.startswith(f"dvc.yaml: {why}")
    assert "\n" not in ran.line
    assert toy.report()["reason"].startswith("dvc.yaml: the stage")
    assert not toy.report()["releasable"]


VERDICT = "out/verdicts/parity.json"
TRICKS = {
    "an empty foreach": _empty_foreach,
    "no outs": lambda stages: stages["parity"].pop("outs"),
    "not cached": _outs("parity", [{VERDICT: {"cache": False}}]),
    "persisted": _outs("parity", [{VERDICT: {"persist": True}}]),
    "one more output": _outs("parity", [VERDICT, "out/more.json"]),
    "a parent folder": _outs("parity", ["out/verdicts"]),
    "not a list": _outs("parity", {VERDICT: None}),
    "never changed": lambda stages: stages["parity"].update(always_changed=False),
    "a metric": lambda stages: stages["parity"].update(metrics=[VERDICT], outs=[]),
    "no output of package": _outs("package", []),
    "another output of export": _outs("export", ["out/elsewhere"]),
    "other candidates": lambda stages: stages["train"].update(
        matrix={"candidate": ["../verdicts"]}
    ),
    "no split": lambda stages: stages.pop("split"),
    "a folder above": _forged(outs=["out"]),
    "the whole project": _forged(outs=["."]),
    "a path with dots": _forged(outs=["docs/../out/./evidence/new"]),
    "an absolute path": _forged(outs=["/"]),
    "another case": _forged(outs=["OUT/Verdicts/new.json"]),
    "an output with options": _forged(outs=[{"out/model/more": {"cache": False}}]),
    "a forged metric": _forged(metrics=["out/verdicts/new.json"]),
    "a forged plot": _forged(plots=[{"out/evidence/new.json": {"x": "a"}}]),
    "a templated path": _forged(matrix={"x": ["out/verdicts/a"]}, outs=["${item.x}"]),
    "an output of foreach": _forged(
        foreach=["a"], do={"cmd": "true", "outs": ["out/split/${item}"]}
    ),
    "foreach in another folder": _forged(foreach=["a"], do={"cmd": "true", "wdir": "out"}),
    "in another folder": _forged(wdir="out", outs=["verdicts/new.json"]),
    "a link": _forged(outs=["link/verdicts/new.json"]),
    "another file system": _forged(outs=["remote://here/out/verdicts/new.json"]),
}


def test_every_edit_that_would_bypass_a_gate_is_refused(toy: Toy) -> None:
    (toy.root / "link").symlink_to("out")
    real = toy.text("dvc.yaml")
    for name, change in TRICKS.items():
        toy.write("dvc.yaml", real)
        _edit(toy, change)
        assert _refusal(toy).startswith("dvc.yaml: the stage '"), name
    toy.write("dvc.yaml", real + "\nvars: [{candidates: {../verdicts: {}}}]\n")
    assert _refusal(toy) == "dvc.yaml has 'vars': move the values to params.yaml"


def test_stages_of_ones_own_are_accepted(toy: Toy) -> None:
    def own(stages: Stages) -> None:
        outs = [{"out/profile": {"cache": False}}, "out/models.txt"]
        stages["profile"] = {"cmd": "sh profile.sh", "deps": ["data"], "outs": outs}
        stages["each"] = {
            "foreach": ["a", "b"],
            "do": {"cmd": "echo ${item}", "metrics": ["metrics.json"], "desc": "ours"},
        }

    _edit(toy, own)
    assert _refusal(toy) == ""


def test_a_second_dvc_yaml_is_refused(toy: Toy, in_process: InProcess) -> None:
    toy.write("more/dvc.yaml", "stages: {forge: {cmd: 'true', outs: [../out/verdicts/new.json]}}\n")
    toy.git("add", "more")
    ran = in_process(toy, "run")
    assert ran.status == 2
    assert ran.line == "git tracks more/dvc.yaml: move its stages to dvc.yaml in the root"


@pytest.mark.parametrize(
    ("key", "value"), [("cmd", "true"), ("deps", []), ("frozen", True), ("wdir", "..")]
)
def test_a_data_dvc_that_does_more_than_name_files_is_refused(
    toy: Toy, key: str, value: Any
) -> None:
    toy.write("data.dvc", json.dumps(read_yaml(toy.root / "data.dvc") | {key: value}))
    assert _refusal(toy) == f"data.dvc has '{key}': remove it, because the file may only name files"


def test_another_dvc_file_with_a_protected_output_is_refused(toy: Toy) -> None:
    toy.write("docs/forged.dvc", json.dumps({"outs": [{"path": "../out/verdicts/new.json"}]}))
    toy.git("add", "docs")
    assert _refusal(toy).startswith("docs/forged.dvc has the output '../out/verdicts/new.json'")
