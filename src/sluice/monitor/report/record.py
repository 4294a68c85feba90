"""The report on production as plain data: the content of `monitor.json`."""

from __future__ import annotations

from typing import Literal

import msgspec

from sluice.monitor.decide import Decision
from sluice.monitor.log import Source
from sluice.monitor.truth.evidence import Truth
from sluice.verdict import Finding, Status, Verdict

Standing = Literal["alarm", "noticed", "same"]


class ColumnNow(msgspec.Struct, frozen=True):
    """One input or score: its bins, and the shares of rows in the reference and in a window.

    ordered: whether the bins are in the order of their values. rows, days: those of the window.
    """

    name: str
    standing: Standing
    bins: tuple[str, ...]
    ordered: bool
    before: tuple[float, ...]
    now: tuple[float, ...]
    size: float
    rows: int
    days: int


class SegmentScores(msgspec.Struct, frozen=True):
    """The drift of the score in one segment; size, rows, days: those of the window shown."""

    name: str
    standing: Literal["alarm", "same", "too few rows"]
    size: float
    rows: int
    days: int


class SegmentsDrift(msgspec.Struct, frozen=True):
    """The segments of `column`: how many, with an alarm, with too few rows, and the worst ones."""

    column: str
    segments: int
    alarms: int
    few: int
    worst: tuple[SegmentScores, ...]


class AlarmDay(msgspec.Struct, frozen=True):
    """What a check at the end of a day would have reported. day: since 1970."""

    day: int
    rows: int
    alarms: tuple[str, ...]
    noticed: tuple[str, ...]


class MonitorReport(msgspec.Struct, frozen=True):
    """One run of the monitors. verdicts: the worst one first. last: the last day (since 1970)."""

    name: str
    version: str
    last: str
    verdicts: tuple[Verdict, ...]
    decision: Decision
    columns: tuple[ColumnNow, ...]
    days: tuple[AlarmDay, ...]
    sources: tuple[Source, ...]
    truth: Truth | None = None
    segments: SegmentsDrift | None = None
    format: Literal[1] = 1

    @property
    def status(self) -> Status:
        """The worst status of the verdicts."""
        if all(verdict.passes for verdict in self.verdicts):
            return Status.PASS
        failed = any(verdict.status is Status.FAIL for verdict in self.verdicts)
        return Status.FAIL if failed else Status.INSUFFICIENT

    @property
    def changed(self) -> list[Finding]:
        """The findings that fail."""
        return [f for v in self.verdicts for f in v.findings if f.status is Status.FAIL]

    @property
    def unknown(self) -> list[Finding]:
        """The findings with too little evidence that nobody has accepted."""
        return [
            f
            for v in self.verdicts
            for f in v.findings
            if f.status is Status.INSUFFICIENT and not f.passes
        ]

    @property
    def headline(self) -> str:
        """The state of the model in one line."""
        said = {
            Status.PASS: "is all right",
            Status.FAIL: "needs attention",
            Status.INSUFFICIENT: "cannot be judged yet",
        }[self.status]
        return f"{self.name} {said}"

    @property
    def advice(self) -> str:
        """What to do."""
        what = {
            "retrain": "Retrain the model",
            "look": "Look at what changed",
            "keep": "Keep the model",
            "wait": "Wait for more evidence",
        }[self.decision.action]
        return f"{what}: {self.decision.why}."
