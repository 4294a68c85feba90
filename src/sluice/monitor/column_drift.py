"""How one column differs from the reference in each window: a pure function of counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sluice.sketch.bins import Bins, Counts
from sluice.sketch.reference import Counted
from sluice.stats import two_sample
from sluice.stats.two_sample import Difference, Floats

# Differences that do not matter, by the days of the window: a single day differs more.
FLOORS = {1: 0.05, 7: 0.01, 28: 0.01}
# What must be found in the longest window: a shift of the mean by a quarter standard deviation.
FOUND_SIZE = 0.25**2
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Compared:
    """A column in one window, compared with the reference.

    rows: with a known place in the bins. alarm: the p-value that the difference is no larger than
    `floor`. noticed: that there is none at all. size: of the difference, as `Difference.size`.
    part: what differs most: the values, the missing ones, or unseen values.
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
    # Three tests of a column: Bonferroni.
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
    """The rows with which a shift of a quarter standard deviation would be found (power 80 %)."""
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

    Such a share can only have grown. A small reference says little about its own share, but the
    test of a rare kind asks no more of it than that.
    """
    n0, n1 = first.sum(), second.sum()
    expected = (first[at] + second[at]) * min(n0, n1) / (n0 + n1)
    return bool(first[at] < _LEAST_EXPECTED or expected < _LEAST_EXPECTED)


def _alarm_of_share(first: Floats, second: Floats, at: int, floor: float) -> float:
    """The p-value that the share of one bin has not changed by more than `floor`."""
    if not second[at] and _is_rare(first, second, at):
        return 1.0
    if _is_rare(first, second, at):
        return two_sample.larger_share((first[at], first.sum()), (second[at], second.sum()), floor)
    return two_sample.larger_difference(_difference_of_share(first, second, at), floor)


def _noticed_share(first: Floats, second: Floats, at: int, found: Difference) -> float:
    if _is_rare(first, second, at):
        return two_sample.larger_share((first[at], first.sum()), (second[at], second.sum()), 0.0)
    return two_sample.any_difference(found)
