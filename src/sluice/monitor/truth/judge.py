"""How a metric in production is judged: a fault must be shown, and so must that there is none."""

from __future__ import annotations

import math

from sluice.verdict import Bound, Finding, Status, number, plain

LOOKS = 365  # a year

_DEFINED = 12  # rows of the rarest class


def confidence(false_alarms_a_year: float) -> float:
    """The confidence at which one look at one metric is decided.

    A metric at its bound fails at most so many times in a year of daily looks.
    """
    return 1 - min(0.2, 2 * false_alarms_a_year / LOOKS)


def shown(
    name: str,
    estimate: float,
    interval: tuple[float, float],
    bound: Bound,
    *,
    n: int,
    what: str = "",
) -> Finding:
    """Fail if all of the interval is outside the bound, pass if all of it is within."""
    before = f"{what}: " if what else ""
    if not all(map(math.isfinite, (estimate, *interval))):
        why = (
            f"{before}not defined on every resample of these {n:,} labelled rows; at least "
            f"{_DEFINED} of the rarest class are needed"
        )
        return Finding(name, Status.INSUFFICIENT, why, n=n, bound=bound)
    low, high = plain(interval[0]), plain(interval[1])
    estimate = plain(estimate)
    span = f"{before}{number(estimate)} ({number(low)} to {number(high)})"
    if bound.admits(low) and bound.admits(high):
        status, why = Status.PASS, f"{span} is within bounds ({bound})"
    elif _outside(low, high, bound):
        status, why = Status.FAIL, f"{span} is outside the bound of {bound}"
    else:
        status = Status.INSUFFICIENT
        more = _more(estimate, (low, high), bound, n)
        why = f"{span}: the interval crosses the bound of {bound}; {more}"
    return Finding(name, status, why, estimate, (low, high), n, bound)


def _outside(low: float, high: float, bound: Bound) -> bool:
    below = bound.low is not None and high < bound.low
    return below or (bound.high is not None and low > bound.high)


def _more(estimate: float, interval: tuple[float, float], bound: Bound, n: int) -> str:
    """How many more labels would decide it; an interval shrinks with their square root."""
    low, high = interval
    edges = [edge for edge in (bound.low, bound.high) if edge is not None and low <= edge <= high]
    room = min(abs(estimate - edge) for edge in edges)
    factor = ((high - low) / 2 / room) ** 2 if room else math.inf
    if factor > 100:
        return "the estimate is too close to it for any number of labels"
    return f"about {math.ceil(n * factor) - n:,} more labels would decide it"
