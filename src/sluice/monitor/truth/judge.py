"""How a metric in production is judged: both a fault and its absence need evidence.

Daily checks must not raise more false alarms in a year than allowed, so a fault needs a wider
interval than a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sluice.metrics import Floats
from sluice.verdict import Bound, Finding, Status, number, plain

LOOKS = 365  # a year

_DEFINED = 12  # rows of the rarest class


@dataclass(frozen=True)
class Spans:
    """Two intervals of a number: `usual`, which is shown, and `wide`, which decides a failure."""

    usual: tuple[float, float]
    wide: tuple[float, float]

    @classmethod
    def of(cls, drawn: Floats, confidence: float, false_alarms_a_year: float) -> Spans:
        """Compute both intervals from bootstrap samples; they are NaN if the number is undefined in
        one of these.

        A metric exactly at its bound fails at most `false_alarms_a_year` times in a year of daily
        checks.
        """
        if not np.isfinite(drawn).all():
            return cls((math.nan, math.nan), (math.nan, math.nan))
        wide = max(confidence, 1 - min(0.2, 2 * false_alarms_a_year / LOOKS))
        usual_, wide_ = (np.quantile(drawn, [(1 - c) / 2, (1 + c) / 2]) for c in (confidence, wide))
        return cls((float(usual_[0]), float(usual_[1])), (float(wide_[0]), float(wide_[1])))


def shown(
    name: str,
    estimate: float,
    spans: Spans,
    bound: Bound,
    *,
    n: int,
    what: str = "",
    other: float = 0.0,
) -> Finding:
    """Fail if the wide interval is outside the bound, pass if the usual one is within it.

    other: the half width that the interval would have with unlimited labels.
    """
    before = f"{what}: " if what else ""
    if not all(map(math.isfinite, (estimate, *spans.usual))):
        why = (
            f"{before}not defined on every resample of these {n:,} labelled rows; at least "
            f"{_DEFINED} of the rarest class are needed"
        )
        return Finding(name, Status.INSUFFICIENT, why, n=n, bound=bound)
    low, high = plain(spans.usual[0]), plain(spans.usual[1])
    estimate = plain(estimate)
    span = f"{before}{number(estimate)} ({number(low)} to {number(high)})"
    if bound.admits(low) and bound.admits(high):
        status, why = Status.PASS, f"{span} is within bounds ({bound})"
    elif _outside(*spans.wide, bound):
        status, why = Status.FAIL, f"{span} is outside the bound of {bound}"
    else:
        status = Status.INSUFFICIENT
        more = _more(estimate, (high - low) / 2, other, bound, n)
        why = f"{span}: not clearly on one side of the bound of {bound}; {more}"
    return Finding(name, status, why, estimate, (low, high), n, bound)


def _outside(low: float, high: float, bound: Bound) -> bool:
    below = bound.low is not None and high < bound.low
    return below or (bound.high is not None and low > bound.high)


def _more(estimate: float, half: float, other: float, bound: Bound, n: int) -> str:
    """How many more labels would decide it; an interval narrows with the square root of their
    number.
    """
    room = min(abs(estimate - edge) for edge in (bound.low, bound.high) if edge is not None)
    if other >= room:
        return "the holdout is too small for any number of labels to decide it"
    factor = max(1.1, max(0.0, half**2 - other**2) / (room**2 - other**2))
    if factor > 100:
        return "the estimate is too close to it for any number of labels"
    return f"about {math.ceil(n * factor) - n:,} more labels would decide it"
