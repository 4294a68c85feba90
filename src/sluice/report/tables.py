"""The rows of the report's tables: each metric, its bound, and its value in an earlier report."""

from __future__ import annotations

from typing import Literal

import msgspec

from sluice.metrics import METRICS
from sluice.report.evidence import GroupComparison, Measurement, MetricPair
from sluice.report.record import Report
from sluice.verdict import Bound, Finding, Status

Trend = Literal["better", "worse", "same"]

# Relative to the base; smaller changes are invisible in the four printed digits.
_SMALLEST_CHANGE = 5e-5


class MetricRow(msgspec.Struct, frozen=True):
    """One measured number.

    n: the rows that it was measured on. finding: the gate's judgement, if a bound exists. base: the
    estimate in the earlier report, from which `change` and `trend` follow. columns: how many
    sensitive columns define the groups that were compared.
    """

    name: str
    measured: Measurement
    n: int | None = None
    meaning: str = ""
    finding: Finding | None = None
    base: float | None = None
    change: float | None = None
    trend: Trend | None = None
    columns: int = 1

    @property
    def bound(self) -> Bound | None:
        """The bound that the number was compared with."""
        return self.finding.bound if self.finding else None


class ChampionRow(msgspec.Struct, frozen=True):
    """One metric of candidate and champion, and the gate's judgement if a bound exists."""

    name: str
    pair: MetricPair
    finding: Finding | None = None

    @property
    def bound(self) -> Bound | None:
        """The bound on the gain."""
        return self.finding.bound if self.finding else None


def performance(report: Report, base: Report | None) -> list[MetricRow]:
    """Every performance metric: those that do not pass come first, then those with a bound."""
    if report.performance is None:
        return []
    findings = _by_name(report, "performance")
    before = base.performance.metrics if base and base.performance else {}
    chosen = report.selection.metric if report.selection else ""
    rows = [
        _row(
            name.replace("gain over", f"gain in {chosen} over", 1) if chosen else name,
            measured,
            findings.get(f"performance/{name}"),
            before.get(name),
            higher_is_better=name not in METRICS or METRICS[name].higher_is_better,
            n=report.performance.rows,
            meaning=METRICS[name].meaning if name in METRICS else "",
        )
        for name, measured in report.performance.metrics.items()
    ]
    return sorted(rows, key=_importance)


def fairness(report: Report, base: Report | None) -> list[MetricRow]:
    """Every difference and ratio between groups with a bound; those that do not pass come first."""
    findings = _by_name(report, "fairness")
    before = {one.title: one.between for one in base.fairness} if base else {}
    rows = [
        _row(
            f"{groups.title}: {name}",
            measured,
            finding,
            before.get(groups.title, {}).get(name),
            higher_is_better=name.endswith(" ratio"),
            n=finding.n,
            columns=len(groups.columns),
        )
        for groups in report.fairness
        for name, measured in groups.between.items()
        if (finding := findings.get(f"fairness/{groups.title}/{name}"))
    ]
    return sorted(rows, key=_importance)


def champion(report: Report) -> list[ChampionRow]:
    """Every metric of candidate and champion: first those with a bound."""
    findings = _by_name(report, "champion")
    metrics = report.champion.metrics if report.champion else {}
    rows = [
        ChampionRow(name, pair, findings.get(f"champion/gain in {name}"))
        for name, pair in metrics.items()
    ]
    return sorted(rows, key=lambda row: row.finding is None)


def measures(report: Report, groups: GroupComparison) -> list[str]:
    """The names of the measures of each group; those with a bound come first."""
    known = dict.fromkeys(name for group in groups.groups for name in group.measures)
    findings = _by_name(report, "fairness")

    def unbounded(name: str) -> bool:
        compared = (f"fairness/{groups.title}/{name} {kind}" for kind in ("difference", "ratio"))
        return not any(finding in findings for finding in compared)

    return sorted(known, key=unbounded)


def _importance(row: MetricRow) -> int:
    if row.finding is None:
        return 3
    if row.finding.passes:
        return 2
    return int(row.finding.status is Status.INSUFFICIENT)


def _by_name(report: Report, gate: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in report.findings(gate)}


def _row(
    name: str,
    measured: Measurement,
    finding: Finding | None,
    before: Measurement | None,
    *,
    higher_is_better: bool,
    n: int | None,
    meaning: str = "",
    columns: int = 1,
) -> MetricRow:
    base = before.estimate if before else None
    change: float | None = None
    trend: Trend | None = None
    if base is not None and measured.estimate is not None:
        change = measured.estimate - base
        trend = "better" if (change > 0) == higher_is_better else "worse"
        if abs(change) <= _SMALLEST_CHANGE * abs(base):
            trend = "same"
    return MetricRow(name, measured, n, meaning, finding, base, change, trend, columns)
