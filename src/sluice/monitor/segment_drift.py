"""Drift of the score in each segment: do the scores of a segment still look like those of its rows
that the model was not trained on?

The segments of one window are tested together, at the same yearly budget of false alarms as the
columns. A segment has few rows, so only large shifts are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sluice.config import Monitor
from sluice.monitor import drift, segment_counts, windows
from sluice.monitor.column_drift import FLOORS, Compared, compare
from sluice.monitor.summary import Cell
from sluice.monitor.windows import DAYS, Subject, Window
from sluice.sketch.reference import Counted, Reference
from sluice.sketch.segments import OTHERS, SegmentReference
from sluice.stats import two_sample
from sluice.verdict import Bound, Finding, Status, number, plain

NAME = f"{drift.GATE}/score by segment"
SHOWN = 5  # names in a finding
ON_GLOBAL = "the rows of the model for all rows"
MOST_UNKNOWN = 0.5  # the largest share of rows in segments with too few rows
_FOUND_SIZE = 1.0  # a shift by one standard deviation
_POWER = 0.8


@dataclass(frozen=True)
class SegmentDrift:
    """The score of one segment in all windows, the longest one last.

    alarms: whether it differs, in each window. enough: whether the longest window has enough rows
    to find a shift by one standard deviation.
    """

    name: str
    compared: tuple[Compared, ...]
    alarms: tuple[bool, ...]
    enough: bool

    @property
    def rows(self) -> int:
        """The rows of the segment in the longest window."""
        return self.compared[-1].rows

    @property
    def worst(self) -> Compared:
        """The longest window with an alarm, or else the longest one."""
        found = [test for test, alarm in zip(self.compared, self.alarms, strict=True) if alarm]
        return (found or list(self.compared))[-1]


def measure(
    cells: Sequence[Cell], reference: Reference, subject: Subject, settings: Monitor, last: int
) -> list[SegmentDrift]:
    """Compare every segment in every window; those that differ most come first.

    cells: of all versions; only those of this one are compared. last: the last day of the windows.
    """
    segments = reference.segments
    if segments is None:
        return []
    own = windows.of_version(cells, subject)
    looked = [windows.window(own, days, last) for days in DAYS]
    once = reference.distinct / reference.rows
    tests = np.array([_in_window(reference, segments, window, once) for window in looked], object).T
    rate = drift.alpha(settings, reference)
    alarms = np.column_stack(
        [two_sample.rejected(np.array([t.alarm for t in column]), rate) for column in tests.T]
    )
    share, count = looked[-1].independent, len(reference.scores)
    found = [
        SegmentDrift(
            one.name,
            tuple(row),
            tuple(alarm.tolist()),
            _enough(
                sum(one.scores) / count * once,
                row[-1],
                share,
                rate / (len(segments.segments) * count),
            ),
        )
        for one, row, alarm in zip(segments.segments, tests, alarms, strict=True)
    ]
    return sorted(found, key=lambda one: (not any(one.alarms), -one.worst.size, one.name))


def _in_window(
    reference: Reference, segments: SegmentReference, window: Window, once: float
) -> list[Compared]:
    sizes = [one.bins.size for one in reference.scores]
    parts = [cell.segments for cell in window.cells]
    now = segment_counts.total(parts, len(segments.segments), sum(sizes))
    shares = (once, window.independent)
    starts = np.cumsum([0, *sizes]).tolist()
    found = []
    for at, one in enumerate(segments.segments):
        tests = [
            compare(
                Counted(score.bins, one.scores[start:end]),
                now[at, start:end],
                days=window.days,
                floor=FLOORS[window.days],
                independent=shares,
            )
            for score, (start, end) in zip(reference.scores, pairwise(starts), strict=True)
        ]
        test = min(tests, key=lambda test: test.alarm)
        # Each class has a score of its own, so Bonferroni's correction applies.
        found.append(replace(test, alarm=min(1.0, len(tests) * test.alarm)))
    return found


def _enough(known: float, test: Compared, share: float, rate: float) -> bool:
    rows = test.rows * share
    if not known or not rows:
        return False
    effective = known * rows / (known + rows)
    found = two_sample.finds_difference(
        effective, test.freedom, size=_FOUND_SIZE, floor=test.floor, alpha=rate
    )
    return found >= _POWER


def finding(
    drifts: Sequence[SegmentDrift], reference: Reference, difference: str | None
) -> Finding:
    """One finding on all segments. difference: why some files do not name the segment."""
    if reference.segments is None:
        why = "the package has no counts of its segments: build it again"
        return Finding(NAME, Status.INSUFFICIENT, why, n=0)
    rows = sum(one.rows for one in drifts)
    few = [one for one in drifts if not one.enough]
    share = sum(one.rows for one in few) / rows if rows else 1.0
    alarmed = [one for one in drifts if any(one.alarms)]
    worst = (alarmed or drifts)[0].worst
    bound = Bound("a fixed rule of sluice", high=worst.floor)
    known = f"{len(few):,} of {len(drifts):,} segments, with {share:.1%} of the rows, "
    known += "have too few rows to find a shift by a standard deviation"
    if difference:
        known += f"; the segment {difference}"
    if alarmed:
        why = f"the scores of {len(alarmed):,} of {len(drifts):,} segments have changed: "
        why += f"{named([_told(one) for one in alarmed])}; {known}"
        return Finding(NAME, Status.FAIL, why, plain(worst.size), n=rows, bound=bound)
    status = Status.INSUFFICIENT if share > MOST_UNKNOWN else Status.PASS
    why = f"no difference larger than {number(bound.high or 0.0)} was found; {known}"
    return Finding(NAME, status, why, plain(worst.size), n=rows, bound=bound)


def title(name: str) -> str:
    """A segment in words."""
    return ON_GLOBAL if name == OTHERS else repr(name)


def named(titles: Sequence[str]) -> str:
    """Some of these names, and how many others there are."""
    others = len(titles) - SHOWN
    shown = ", ".join(titles[:SHOWN])
    if others <= 0:
        return shown
    return f"{shown} and {others:,} {'other' if others == 1 else 'others'}"


def _told(one: SegmentDrift) -> str:
    test = one.worst
    days = "1 day" if test.days == 1 else f"{test.days} days"
    return f"{title(one.name)} ({number(plain(test.size))}, {test.rows:,} rows in {days})"
