"""How one column differs from the reference in each window: a pure function of counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sluice.sketch.bins import Bins, Counts
from sluice.sketch.reference import Counted
from sluice.stats import two_sample
from sluice.stats.two_sample import Difference, Floats

# Tolerated differences by the days of the window: a single day varies more.
FLOORS = {1: 0.05, 7: 0.01, 28: 0.01}
# The shift that the longest window must detect: a quarter standard deviation of the mean.
FOUND_SIZE = 0.25**2
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Compared:
    """A column in one window, compared with the reference.

    rows: the number of rows that are in a bin. alarm: the p-value of the hypothesis that the
    difference is at most `floor`. noticed: the p-value of the hypothesis that there is no
    difference. size: the size of the difference, as in `Difference.size`. part: what differs most:
    the values, missing values, or unseen values.
    """

    days: int
    rows: int
    alarm: float
    noticed: float
    size: float
    floor: float
    freedom: int
    part: str
    now: Counts


def compare(
    reference: Counted,
    now: Counts,
    *,
    days: int,
    floor: float,
    independent: tuple[float, float] = (1.0, 1.0),
) -> Compared:
    """Compare the counts of a window.

    now: [size] counts in the bins of the reference. independent: the shares of independent rows
    in the reference and in the window.
    """
    bins = reference.bins
    first = reference.array.astype(float) * independent[0]
    second = now.astype(float) * independent[1]
    rows = int(now.sum())
    if not rows or not first.sum():
        return Compared(days, rows, 1.0, 1.0, 0.0, floor, max(1, bins.values - 1), "values", now)
    values = _values(bins, first, second)
    found = {"values": values}
    alarms = {"values": two_sample.larger_difference(values, floor)}
    for at, part in ((bins.missing, "missing"), (bins.other, "unseen values")):
        found[part] = _difference_of_share(first, second, at)
        alarms[part] = _alarm_of_share(first, second, at, floor)
    part = min(alarms, key=lambda name: alarms[name])
    # Each column gets three tests, so Bonferroni's correction applies.
    alarm = min(1.0, len(alarms) * alarms[part])
    tests = [two_sample.any_difference(values)]
    if bins.type == "number":
        tests.append(two_sample.wilcoxon(first[: bins.values], second[: bins.values]))
    for at, name in ((bins.missing, "missing"), (bins.other, "unseen values")):
        if second[at] or first[at]:
            tests.append(_noticed_share(first, second, at, found[name]))
    noticed = two_sample.combine(np.array(tests))
    size = found[part].size
    return Compared(days, rows, alarm, noticed, size, floor, values.freedom, part, now)


def rows_needed(reference: Counted, freedom: int, floor: float, alpha: float) -> int | None:
    """The rows needed to find a shift of a quarter standard deviation (power 80 %)."""
    rows = int(reference.array.sum())
    if floor >= FOUND_SIZE:
        return None
    return two_sample.rows_needed(rows, freedom, size=FOUND_SIZE, floor=floor, alpha=alpha)


def _values(bins: Bins, first: Floats, second: Floats) -> Difference:
    """The difference among the known values, without missing and unseen ones."""
    known = slice(0, bins.values)
    ordered = bins.type == "number"
    return two_sample.chi_squared(*two_sample.merge(first[known], second[known], ordered=ordered))


def _pair(counts: Floats, at: int) -> Floats:
    return np.array([counts[at], counts.sum() - counts[at]])


def _difference_of_share(first: Floats, second: Floats, at: int) -> Difference:
    return two_sample.chi_squared(_pair(first, at), _pair(second, at))


def _is_rare(first: Floats, second: Floats, at: int) -> bool:
    """Whether too few rows are of this kind for the chi-squared test, or the reference has none.

    A share in such a bin can only have grown, and the test for rare kinds of rows takes the small
    number of reference rows into account.
    """
    n0, n1 = first.sum(), second.sum()
    expected = (first[at] + second[at]) * min(n0, n1) / (n0 + n1)
    return bool(first[at] < _LEAST_EXPECTED or expected < _LEAST_EXPECTED)


def _alarm_of_share(first: Floats, second: Floats, at: int, floor: float) -> float:
    """The p-value of the hypothesis that the share of one bin has changed by at most `floor`."""
    if not second[at] and _is_rare(first, second, at):
        return 1.0
    if _is_rare(first, second, at):
        return two_sample.larger_share((first[at], first.sum()), (second[at], second.sum()), floor)
    return two_sample.larger_difference(_difference_of_share(first, second, at), floor)


def _noticed_share(first: Floats, second: Floats, at: int, found: Difference) -> float:
    if _is_rare(first, second, at):
        return two_sample.larger_share((first[at], first.sum()), (second[at], second.sum()), 0.0)
    return two_sample.any_difference(found)
