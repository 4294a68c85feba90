"""Collects the report on one run of the monitors."""

from __future__ import annotations

from typing import Literal

from sluice.monitor import drift, log, segment_drift, windows
from sluice.monitor.decide import Decision
from sluice.monitor.drift import ColumnDrift
from sluice.monitor.report.record import (
    AlarmDay,
    ColumnNow,
    MonitorReport,
    SegmentScores,
    SegmentsDrift,
    Standing,
)
from sluice.monitor.run import Look
from sluice.monitor.segment_drift import SegmentDrift
from sluice.monitor.truth.evidence import Truth
from sluice.verdict import Status, Verdict

_DAYS = 56  # days of the time line
_SEGMENTS = 15
_SEVERITY = {Status.FAIL: 0, Status.INSUFFICIENT: 1, Status.PASS: 2}


def collect(
    look: Look, verdicts: list[Verdict], decision: Decision, truth: Truth | None
) -> MonitorReport:
    """The report. verdicts: the verdicts of the monitors."""
    return MonitorReport(
        look.subject.package,
        look.subject.version,
        windows.day(look.last).isoformat(),
        tuple(sorted(verdicts, key=lambda v: 2 if v.passes else _SEVERITY[v.status])),
        decision,
        tuple(sorted((_column(one) for one in look.drifts), key=_importance)),
        tuple(_days(look)),
        tuple(log.sources(look.summaries)),
        truth,
        _segments(look),
    )


def _segments(look: Look) -> SegmentsDrift | None:
    found, reference = look.segments, look.reference.segments
    if reference is None:
        return None
    return SegmentsDrift(
        reference.column,
        len(found),
        sum(any(one.alarms) for one in found),
        sum(not one.enough for one in found),
        tuple(_segment(one) for one in found[:_SEGMENTS]),
    )


def _segment(found: SegmentDrift) -> SegmentScores:
    test = found.worst
    standing: Literal["alarm", "same", "too few rows"] = "same" if found.enough else "too few rows"
    if any(found.alarms):
        standing = "alarm"
    title = segment_drift.title(found.name)
    return SegmentScores(title, standing, round(test.size, 6), test.rows, test.days)


def _column(found: ColumnDrift) -> ColumnNow:
    at = max((k for k, seen in enumerate(found.alarms) if seen), default=None)
    standing: Standing = "alarm" if at is not None else "same"
    if at is None:
        at = max((k for k, seen in enumerate(found.noticed) if seen), default=None)
        standing = "noticed" if at is not None else "same"
    test = found.compared[-1 if at is None else at]
    bins = found.reference.bins
    before, now = found.reference.array, test.now
    shown = [
        k for k in range(bins.size) if k < bins.values or before[k] or now[k]
    ]  # empty bins of missing and unseen values are left out
    return ColumnNow(
        found.name,
        standing,
        tuple(bins.title(k) for k in shown),
        bins.type == "number",
        tuple(round(float(before[k] / max(1, before.sum())), 6) for k in shown),
        tuple(round(float(now[k] / max(1, now.sum())), 6) for k in shown),
        round(test.size, 6),
        test.rows,
        test.days,
    )


def _importance(column: ColumnNow) -> tuple[int, float]:
    return ("alarm", "noticed", "same").index(column.standing), -column.size


def _days(look: Look) -> list[AlarmDay]:
    """The daily checks of the last eight weeks, recomputed from the summaries."""
    first = min((cell.key.day for cell in look.cells), default=look.last)
    made = []
    for day in range(max(first, look.last - _DAYS + 1), look.last + 1):
        found = drift.measure(look.cells, look.reference, look.subject, look.settings.monitor, day)
        made.append(
            AlarmDay(
                day,
                windows.window(look.cells, 1, day).rows,
                tuple(one.name for one in found if any(one.alarms)),
                tuple(one.name for one in found if any(one.noticed)),
            )
        )
    return made
