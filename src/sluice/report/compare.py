"""Each number next to its bound, and next to what it was in an earlier report."""

from __future__ import annotations

from typing import Literal

import msgspec

from sluice.metrics import METRICS
from sluice.report.evidence import Grouping, Measured, Pair
from sluice.report.facts import Facts
from sluice.verdict import Bound, Finding, Status

Trend = Literal["better", "worse", "same"]

# A share of the number itself: what is the same to the four digits that the report shows.
_NOTHING = 5e-5


class Number(msgspec.Struct, frozen=True):
    """`base` is the earlier estimate; `change` and `trend` compare with it.

    `alone` is false for what was measured between the groups of several columns together.
    """

    name: str
    measured: Measured
    n: int | None = None
    meaning: str = ""
    finding: Finding | None = None
    base: float | None = None
    change: float | None = None
    trend: Trend | None = None
    alone: bool = True

    @property
    def bound(self) -> Bound | None:
        return self.finding.bound if self.finding else None


def performance(facts: Facts, base: Facts | None) -> list[Number]:
    """Every metric: those that a bound holds come first, and of these what it stops."""
    if facts.performance is None:
        return []
    findings = _findings(facts, "performance")
    before = base.performance.metrics if base and base.performance else {}
    chosen = facts.selection.metric if facts.selection else ""
    numbers = [
        _number(
            name.replace("gain over", f"gain in {chosen} over", 1) if chosen else name,
            measured,
            findings.get(f"performance/{name}"),
            before.get(name),
            higher_is_better=name not in METRICS or METRICS[name].higher_is_better,
            n=facts.performance.rows,
            meaning=METRICS[name].meaning if name in METRICS else "",
        )
        for name, measured in facts.performance.metrics.items()
    ]
    return sorted(numbers, key=_order)


def champion(facts: Facts) -> list[tuple[str, Pair, Finding | None]]:
    """Every metric of candidate and champion, those that a bound holds first."""
    findings = _findings(facts, "champion")
    metrics = facts.champion.metrics if facts.champion else {}
    rows = [
        (name, pair, findings.get(f"champion/gain in {name}")) for name, pair in metrics.items()
    ]
    return sorted(rows, key=lambda row: row[2] is None)


def fairness(facts: Facts, base: Facts | None) -> list[Number]:
    """Every difference and ratio between groups that a bound holds, what it stops first."""
    findings = _findings(facts, "fairness")
    before = {g.title: g.between for g in base.fairness} if base else {}
    numbers = [
        _number(
            f"{grouping.title}: {name}",
            measured,
            findings[f"fairness/{grouping.title}/{name}"],
            before.get(grouping.title, {}).get(name),
            higher_is_better=name.endswith(" ratio"),
            n=findings[f"fairness/{grouping.title}/{name}"].n,
            alone=len(grouping.columns) == 1,
        )
        for grouping in facts.fairness
        for name, measured in grouping.between.items()
        if f"fairness/{grouping.title}/{name}" in findings
    ]
    return sorted(numbers, key=_order)


def measures(facts: Facts, grouping: Grouping) -> list[str]:
    """What is measured of each group: first what a bound holds, between the groups."""
    known = dict.fromkeys(name for group in grouping.groups for name in group.measures)
    findings = _findings(facts, "fairness")

    def free(name: str) -> bool:
        compared = (f"fairness/{grouping.title}/{name} {kind}" for kind in ("difference", "ratio"))
        return not any(finding in findings for finding in compared)

    return sorted(known, key=free)


def _order(number: Number) -> int:
    if number.finding is None:
        return 3
    if number.finding.passes:
        return 2
    return int(number.finding.status is Status.INSUFFICIENT)


def _findings(facts: Facts, gate: str) -> dict[str, Finding]:
    verdict = facts.gate(gate)
    return {finding.name: finding for finding in verdict.findings} if verdict else {}


def _number(
    name: str,
    measured: Measured,
    finding: Finding | None,
    before: Measured | None,
    *,
    higher_is_better: bool,
    n: int | None,
    meaning: str = "",
    alone: bool = True,
) -> Number:
    base = before.estimate if before else None
    change: float | None = None
    trend: Trend | None = None
    if base is not None and measured.estimate is not None:
        change = measured.estimate - base
        trend = "better" if (change > 0) == higher_is_better else "worse"
        if abs(change) <= _NOTHING * abs(base):
            trend = "same"
    return Number(name, measured, n, meaning, finding, base, change, trend, alone)
