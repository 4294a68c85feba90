"""Assertions that apply to every refusal."""

from __future__ import annotations

import html
import re
from typing import Any

from support.fixture_project import Ran, Toy

Reasons = dict[str, tuple[str, str]]


def refuses(toy: Toy, ran: Ran, gate: str, reasons: Reasons, *, first: bool = True) -> None:
    """Assert a refusal by `gate`, whose unmet findings are exactly `reasons`.

    reasons: for each finding, by name, its status and a pattern of its reason.
    """
    assert ran.status == 1, ran.said
    assert ran.line == "refused: no package was built; the report says why"
    assert "Traceback" not in ran.said
    assert toy.packages == []
    report = toy.report()
    assert not report["releasable"]
    said = {each["gate"]: each for each in report["gates"]}
    found = {f["name"]: f for f in said[gate]["findings"] if not _passes(f)}
    assert sorted(found) == sorted(reasons)
    text = _plain(toy.text("out/report/report.md"))
    for name, (status, why) in reasons.items():
        assert found[name]["status"] == status, found[name]
        assert re.search(why, found[name]["why"]), found[name]
        assert found[name]["why"][:200] in text
    assert gate in text.splitlines()[0]
    failed = any(status == "fail" for status, _ in reasons.values())
    assert said[gate]["status"] == ("fail" if failed else "insufficient")
    if first:
        assert report["gates"][0]["gate"] == gate
        assert report["reason"] == said[gate]["why"]
        assert report["reason"][:200] in text.split("\n| Verdict", 1)[0]


def gate_refuses(toy: Toy, ran: Ran, gate: str, reasons: Reasons) -> None:
    """Assert that only this gate's stage has refused, for exactly these reasons."""
    assert ran.status == (2 if f"{gate}/ran" in reasons else 1), ran.said
    assert "Traceback" not in ran.said
    verdict = toy.verdict(gate)
    found = {f["name"]: f for f in verdict["findings"] if not _passes(f)}
    assert sorted(found) == sorted(reasons)
    for name, (status, why) in reasons.items():
        assert found[name]["status"] == status, found[name]
        assert re.search(why, found[name]["why"]), found[name]
    failed = any(status == "fail" for status, _ in reasons.values())
    assert verdict["status"] == ("fail" if failed else "insufficient")


def did_not_run(toy: Toy, gates: list[str]) -> None:
    """Assert that no verdict of an earlier run is shown for gates that did not run."""
    said = {each["gate"]: each for each in toy.report()["gates"]}
    for gate in gates:
        assert said[gate]["status"] == "insufficient"
        assert "did not run" in said[gate]["why"]


def _plain(markdown: str) -> str:
    return html.unescape(markdown).replace("\u200b", "")


def _passes(finding: dict[str, Any]) -> bool:
    accepted = finding["status"] == "insufficient" and finding.get("accepted") is not None
    return accepted or finding["status"] == "pass"
