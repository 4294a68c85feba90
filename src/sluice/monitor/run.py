"""One look at a log with a package: each monitor ends in a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from sluice import gates
from sluice.config import Settings
from sluice.monitor import drift, summaries, windows
from sluice.monitor.drift import ColumnDrift
from sluice.monitor.summary import Cell, FileSummary
from sluice.monitor.windows import Subject
from sluice.package.archive import Package, opened
from sluice.sketch.reference import Reference
from sluice.verdict import Finding, Verdict


@dataclass(frozen=True)
class Look:
    """The summaries of a log, and the package that they are compared with.

    now: today. last: the last day of the windows, in days since 1970.
    """

    package: Package
    summaries: list[FileSummary]
    now: int
    last: int

    @property
    def subject(self) -> Subject:
        manifest = self.package.manifest
        return Subject(manifest.name, manifest.version, manifest.digest)

    @property
    def reference(self) -> Reference:
        return self.package.reference

    @property
    def settings(self) -> Settings:
        return self.package.settings

    @cached_property
    def cells(self) -> list[Cell]:
        """The counts of the monitored model, of all versions."""
        return windows.cells_of(self.summaries, self.subject)

    @cached_property
    def drifts(self) -> list[ColumnDrift]:
        return drift.measure(
            self.cells, self.reference, self.subject, self.settings.monitor, self.last
        )

    def drift(self) -> Verdict:
        """The verdict on input drift."""

        def measure() -> list[Finding]:
            return drift.findings(self.drifts, self.summaries, self.subject)

        return self._run(drift.GATE, measure)

    def _run(self, gate: str, measure: Callable[[], list[Finding]]) -> Verdict:
        found = gates.run(gate, measure, lambda _: None, lambda: self.settings.accept)
        if found.error is not None:
            raise found.error
        return found.verdict


@contextmanager
def looking(package: Path, log: str, until: date | None, cache: Path | None) -> Iterator[Look]:
    """Open the package and summarize the log for as long as they are used."""
    with opened(package) as unpacked:
        made = summaries.of_log(log, unpacked.reference, cache)
        now = windows.today()
        manifest = unpacked.manifest
        subject = Subject(manifest.name, manifest.version, manifest.digest)
        cells = windows.cells_of(made, subject)
        last = windows.number_of(until) if until else windows.last_day(cells, now)
        yield Look(unpacked, made, now, last)
