"""One run of the monitors on a log with a package: each monitor gives a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import msgspec

from sluice import gates
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.monitor import (
    decide,
    domain,
    drift,
    learning,
    log,
    read,
    segment_drift,
    summaries,
    windows,
)
from sluice.monitor.decide import Decision
from sluice.monitor.drift import ColumnDrift
from sluice.monitor.segment_drift import SegmentDrift
from sluice.monitor.summary import Cell, FileSummary
from sluice.monitor.truth import groups, join, measure
from sluice.monitor.truth import labels as labels_file
from sluice.monitor.truth.context import Context
from sluice.monitor.truth.evidence import Truth
from sluice.monitor.truth.join import Joined, ScoredLog
from sluice.monitor.windows import Subject, Window
from sluice.package.archive import Package, opened
from sluice.project import Project
from sluice.report.evidence import Performance
from sluice.sketch.reference import Reference
from sluice.verdict import Finding, Verdict

# What the monitors read of a package; most of its files are code.
_PARTS = ("model", "configuration", "data", "scenarios", "reports")
_NORMAL = 1.96  # half the width of a 95 % interval in standard deviations


@dataclass(frozen=True)
class Look:
    """The summaries of a log, and the package that they are compared with.

    log_place: the log as the user named it. now: today, in days since 1970. last: the last day of
    the windows, in days since 1970. training: the training rows, for the domain classifier; None if
    not available.
    """

    package: Package
    summaries: list[FileSummary]
    log_place: str
    now: int
    last: int
    training: Path | None = None

    @property
    def subject(self) -> Subject:
        """The monitored model, as the records of the log name it."""
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
        """The drift of every input and score; computed once."""
        return drift.measure(
            self.cells, self.reference, self.subject, self.settings.monitor, self.last
        )

    @cached_property
    def segments(self) -> list[SegmentDrift]:
        """The drift of the score in each segment, the worst first; empty without segments."""
        return segment_drift.measure(
            self.cells, self.reference, self.subject, self.settings.monitor, self.last
        )

    def drift(self) -> Verdict:
        """The verdict on input drift."""

        def measure() -> list[Finding]:
            found = drift.findings(self.drifts, self.summaries, self.subject)
            longest = windows.window(self.cells, windows.DAYS[-1], self.last)
            if self.package.signature.segment is not None and longest.rows:
                differing = drift.differences(self.summaries, self.subject)
                difference = differing.get(read.SEGMENT)
                found.append(segment_drift.finding(self.segments, self.reference, difference))
            if self.training is not None and longest.rows:
                found.append(self._told_apart(self.training, longest))
            return found

        return self._run(drift.GATE, measure)

    def _told_apart(self, training: Path, window: Window) -> Finding:
        return domain.finding(
            training,
            self.log_place,
            self.summaries,
            self.reference,
            subject=self.subject,
            window=window,
            alpha=drift.alpha(self.settings.monitor, self.reference),
        )

    def log(self) -> Verdict:
        """The verdict on the log itself."""
        return self._run(log.GATE, lambda: log.findings(self.summaries, self.subject, self.now))

    def truth(self, labels: Path) -> tuple[Verdict, Truth | None]:
        """The verdict on performance with the true outcomes in a file, and its evidence."""
        evidence: list[Truth] = []

        def find() -> list[Finding]:
            own = self.joined(labels)
            context = Context(
                self.reference,
                self.settings,
                windows.of_version(self.cells, self.subject),
                self._promised(),
                self.last,
            )
            found, facts = measure.measure(context, own)
            evidence.append(facts)
            return found

        return self._run(measure.GATE, find), evidence[0] if evidence else None

    def fairness(self, labels: Path) -> Verdict | None:
        """The verdict on groups of people; None if the labels have no sensitive column."""
        joined = self.joined(labels)
        if not groups.columns(self.settings, joined) or not len(joined.truth):
            return None
        return self._run(groups.GATE, lambda: groups.findings(self.settings, joined))

    def joined(self, labels: Path) -> Joined:
        """The labelled records of this version."""
        if labels not in self._joined:
            scored = ScoredLog(self.log_place, self.summaries, self.reference, self.subject)
            joined = join.join(labels, scored, self.settings)
            self._joined[labels] = joined.rows(joined.versions == self.subject.digest)
        return self._joined[labels]

    @cached_property
    def _joined(self) -> dict[Path, Joined]:
        return {}

    def decision(self, judged: Verdict | None, facts: Truth | None, project: Project) -> Decision:
        """Whether to retrain. judged, facts: the ground-truth results; None without labels."""
        settings = self.settings
        labels = facts.usable if facts else 0
        gain = None
        if settings.retraining.cost is not None and labels:
            gain = learning.expected_gain(project, labels)
        recent = windows.window(self.cells, 28, self.last)
        age = self.last - self.package.manifest.source.time // 86_400
        return decide.decide(
            decide.Facts(
                judged,
                self.drift(),
                settings.selection.metric,
                labels,
                self._labels_needed(),
                max(0, age),
                recent.rows / 28,
                gain,
            ),
            settings.retraining,
        )

    def _labels_needed(self) -> int | None:
        """How many labels show the smallest gain that matters.

        Two models' values on the same rows are correlated, so their difference is assumed to have
        half the standard deviation of the metric on the holdout.
        """
        settings, promised = self.settings, self._promised()
        said = promised.metrics.get(settings.selection.metric)
        if said is None or said.low is None or said.high is None:
            return None
        spread = (said.high - said.low) / (2 * _NORMAL) / 2
        return decide.labels_needed(
            spread, promised.rows, gain=settings.retraining.gain, holdout=settings.split.holdout
        )

    def _promised(self) -> Performance:
        """The metrics on the holdout, as the performance gate recorded them in the package."""
        path = self.package.reports / "evidence/performance/metrics.json"
        try:
            return decode_json(path.read_bytes(), Performance)
        except (OSError, msgspec.MsgspecError) as error:
            raise SluiceError(f"the package has no readable {path.name}: {error}") from None

    def _run(self, gate: str, measure: Callable[[], list[Finding]]) -> Verdict:
        found = gates.run(gate, measure, lambda _: None, lambda: self.settings.accept)
        if found.error is not None:
            raise found.error
        return found.verdict


@contextmanager
def looking(
    package: Path,
    given: str,
    until: date | None,
    cache: Path | None,
    training: Path | None = None,
    *,
    labels: Path | None = None,
    master: str | None = None,
) -> Iterator[Look]:
    """Open the package and summarize the log for the duration of a block.

    labels: the file of labels, if any: whether it is one is checked before the log is read, which
    may take long. master: the URL of a Spark cluster that summarizes; None uses this machine.
    """
    with opened(package, _PARTS) as unpacked:
        if labels is not None:
            labels_file.check(labels, unpacked.settings)
        made = summaries.of_log(given, unpacked.reference, cache, master)
        now = windows.today()
        manifest = unpacked.manifest
        subject = Subject(manifest.name, manifest.version, manifest.digest)
        cells = windows.cells_of(made, subject)
        last = windows.number_of(until) if until else windows.last_day(cells, now)
        yield Look(unpacked, made, given, now, last, training)


def training_rows(package: Path, given: Path | None, here: Path) -> Path | None:
    """The rows that the packaged model was trained on: `given`, or those `here` if they are the
    same.

    Raises SluiceError if `given` has other rows.
    """
    path = given or here
    if given is None and not here.exists():
        return None
    with opened(package, ["data"]) as unpacked:
        expected = unpacked.data.splits["train"].md5
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    except FileNotFoundError:
        raise SluiceError(f"{path}: no such file") from None
    if found.hexdigest() == expected:
        return path
    if given is None:
        return None
    raise SluiceError(f"{given}: does not have the rows that this package was trained on")
