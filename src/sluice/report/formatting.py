"""How values are written in the report, in Markdown and HTML alike."""

from __future__ import annotations

import re

from sluice import verdict
from sluice.markdown import EMPTY
from sluice.metrics import METRICS
from sluice.model import Decision
from sluice.report.evidence import Measurement, MetricPair
from sluice.report.tables import MetricRow
from sluice.verdict import Bound

_NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "r2": "R²",
    "mae": "MAE",
    "rmse": "RMSE",
    "brier": "Brier score",
}
_MEASURES = ("selection_rate", "false_negative_rate", "false_positive_rate")
_ERRORS = ("mean_error", "absolute_error")
_KNOWN = re.compile(rf"\b({'|'.join([*METRICS, *_MEASURES, *_ERRORS])})\b")


def number(value: float | None) -> str:
    """Four significant digits, or a dash for a number that is not defined."""
    return EMPTY if value is None else verdict.number(value)


def change(value: float | None) -> str:
    """A difference, with its sign."""
    if not value:
        return number(value)
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as "3 rows"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {plural or noun + 's'}"


def share(value: float | None) -> str:
    """A share in percent."""
    return EMPTY if value is None else f"{value:.1%}"


def effect(sign: str | None) -> str:
    """The effect of a higher value of a column on the score."""
    return {"raises": "raises the score", "lowers": "lowers the score", "mixed": "does both"}.get(
        sign or "", EMPTY
    )


def interval(measured: Measurement) -> str:
    """A confidence interval."""
    if measured.low is None or measured.high is None:
        return EMPTY
    return f"{number(measured.low)} to {number(measured.high)}"


def gain_interval(pair: MetricPair) -> str:
    """The confidence interval of a gain, with signs."""
    if pair.low is None or pair.high is None:
        return EMPTY
    return f"{change(pair.low)} to {change(pair.high)}"


def bound(value: Bound | None) -> str:
    """A bound in words, or a dash without one."""
    if value is None or (value.low is None and value.high is None):
        return EMPTY
    return str(value)


def trend(row: MetricRow) -> str:
    """The change since the base, and whether it is an improvement."""
    if row.trend is None or row.change is None:
        return EMPTY
    if row.trend == "same":
        return "the same"
    return f"{change(row.change)} ({row.trend})"


def decision(rule: Decision, classes: tuple[str, ...]) -> str:
    """How a candidate turns scores into decisions."""
    if rule.threshold is not None:
        return f"threshold {number(rule.threshold)}"
    if rule.costs:
        named = zip(classes or map(str, range(len(rule.costs))), rule.costs, strict=False)
        return "cost of missing " + ", ".join(f"{name}: {number(cost)}" for name, cost in named)
    return EMPTY


def metric(name: str) -> str:
    """A metric or measure in plain words, with unchanged column names."""
    return _KNOWN.sub(lambda found: _NAMES.get(found[0], found[0].replace("_", " ")), name)


def without_gate(finding: str, gate: str) -> str:
    """A finding's name without its gate."""
    return finding.removeprefix(f"{gate}/")
