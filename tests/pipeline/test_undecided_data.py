"""If the data-quality gate is `insufficient`, there is no package, but the other gates report."""

from __future__ import annotations

from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import refuses


def test_one_report_has_the_advice_of_every_gate(
    toy: Toy, in_process: InProcess, full_size: bool
) -> None:
    with toy.params() as params:
        params["quality"]["leakage"] = 0.09
        params["fairness"]["group_rows"] = 900
    refuses(
        toy,
        toy.sluice("package", "build"),
        "data-quality",
        {"data-quality/visits/leakage": ("insufficient", "accept this finding by name")},
    )
    gates = {each["gate"]: each for each in toy.report()["gates"]}
    assert {name for name, each in gates.items() if each["status"] == "pass"} == {
        *("parity", "performance", "explanation", "scenarios")
    }
    assert "900 are needed" in gates["fairness"]["why"]
    with toy.params() as params:
        params["accept"] = [
            {"finding": name, "reason": "known when the model predicts"}
            for gate in ("data-quality", "fairness")
            for name, finding in toy.findings(gate).items()
            if finding["status"] == "insufficient"
        ]
    for gate in ("data-quality", "fairness"):
        in_process(toy, "check", gate).went_well()
    if full_size:
        toy.sluice("package", "build").went_well()
        assert toy.package.exists()
