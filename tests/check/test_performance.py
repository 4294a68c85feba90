"""A model that is not demonstrably good enough is refused; acceptable findings are listed."""

from __future__ import annotations

import html
import json

from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import gate_refuses, refuses

REASON = "the next quarter's rows will tell; agreed with the owner"


def test_failed_and_crossed_bounds_are_reported_and_crossed_ones_can_be_accepted(
    toy: Toy, in_process: InProcess
) -> None:
    roc_auc = toy.findings("performance")["performance/roc_auc"]
    straddled = round((roc_auc["estimate"] + roc_auc["interval"][0]) / 2, 4)
    with toy.params() as params:
        params["performance"]["bounds"] = {"recall": {"low": 0.99}, "roc_auc": {"low": straddled}}
    reasons = {
        "performance/recall": ("fail", "is outside the bound of at least 0.99"),
        "performance/roc_auc": (
            "insufficient",
            r"crosses the bound of .*; about [\d,]+ more holdout rows, or a bound of 0\.\d+ would",
        ),
    }
    refuses(toy, toy.sluice("package", "build"), "performance", reasons)

    with toy.params() as params:
        params["accept"] = [{"finding": name, "reason": REASON} for name in reasons]
    gate_refuses(
        toy,
        in_process(toy, "check", "performance"),
        "performance",
        {"performance/recall": reasons["performance/recall"]},
    )

    with toy.params() as params:
        del params["performance"]["bounds"]["recall"]
    toy.sluice("package", "build").went_well()
    assert len(toy.packages) == 1
    assert toy.verdict("performance")["status"] == "insufficient"
    assert toy.findings("performance")["performance/roc_auc"]["accepted"] == REASON
    for name in (
        "out/report/report.md",
        "out/report/report.html",
        "out/package/documentation/model-card.md",
    ):
        assert REASON in html.unescape(toy.text(name)), name


def test_decisions_that_are_all_the_same(toy: Toy, in_process: InProcess) -> None:
    signature = toy.json("out/model/signature.json")
    signature["decision"]["threshold"] = 2.0
    toy.write("out/model/signature.json", json.dumps(signature))
    ran = in_process(toy, "check", "performance")
    assert ran.status == 1
    finding = toy.findings("performance")["performance/classes decided for"]
    assert finding["status"] == "fail"
    assert "the decision for every row of the holdout is 'no'" in finding["why"]
    assert "false_positive: 1 and false_negative: " in finding["why"]


def test_shuffled_labels_and_no_sensitive_column(toy: Toy, in_process: InProcess) -> None:
    data = toy.data()
    data["late"] = data["late"].sample(frac=1, random_state=3, ignore_index=True)
    toy.write_data(data)
    with toy.params() as params:
        params["data"]["sensitive"] = {}
        params["performance"]["bounds"] = {"recall": {"low": 0.001}}
        params["candidates"].pop("boosting")
        params["explanation"]["largest_share"] = 0.999
    for command in (["split"], ["train", "linear"], ["select"], ["export"]):
        in_process(toy, *command).went_well()
    ran = in_process(toy, "check", "performance")
    gate = toy.findings("performance")
    gains = {name: f["status"] for name, f in gate.items() if "gain over" in name}
    assert len(gains) == 2
    assert "pass" not in gains.values()
    gate_refuses(
        toy,
        ran,
        "performance",
        {name: (status, "bound of at least 0.01") for name, status in gains.items()},
    )
    gate_refuses(
        toy,
        in_process(toy, "check", "fairness"),
        "fairness",
        {"fairness/sensitive columns": ("insufficient", "names no column, so no groups were")},
    )
