"""Findings on strengths that are suspicious if they are high, such as that of a leak."""

from __future__ import annotations

import math

from sluice.verdict import Bound, Finding, Status, judge, number, plain

# A strength above this leaves no doubt: it is a copy.
_CERTAIN = 0.999


def judge_suspicion(
    name: str, strength: float, bound: Bound, *, n: int, copy: str, suspected: str
) -> Finding:
    """Compare a strength from 0 to 1 with the largest one that is allowed.

    Above the bound, a strength near 1 fails, and any other is `insufficient`: the data cannot
    distinguish a leak from a legitimately strong column, but a person can. copy, suspected: the
    message for either case, with what to do.
    """
    if not math.isfinite(strength) or bound.admits(strength):
        return judge(name, strength, bound, n=n)
    certain = strength > _CERTAIN
    status = Status.FAIL if certain else Status.INSUFFICIENT
    why = f"{number(strength)} is outside the bound of {bound}: {copy if certain else suspected}"
    return Finding(name, status, why, plain(strength), n=n, bound=bound)
