"""No way around the gates: neither by editing the road nor by editing what they said."""

from __future__ import annotations

import json
import re

import pytest
from refusal import refuses

from fixture_project import Ran, Toy


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
    verdict |= {"status": "pass", "why": "All 2 findings keep to their bounds."}
    toy.write(path, json.dumps(verdict))
    refuses(toy, toy.sluice("package", "build"), "performance", reasons)


def test_a_gate_that_is_none(toy: Toy) -> None:
    ran = toy.sluice("check", "vibes")
    assert ran.status == 2
    assert ran.line.startswith("no gate 'vibes'; there are data-quality, parity,")
