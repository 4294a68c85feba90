"""The report as plain data: the content of `report.json`, from which every page is made."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from sluice import files
from sluice.contribution.record import Contribution
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.judged import Model
from sluice.report.evidence import (
    ChampionComparison,
    ColumnImportance,
    Curves,
    ExplainedRow,
    GroupComparison,
    Performance,
    SegmentResults,
    Selection,
)
from sluice.task import Task
from sluice.verdict import Finding, Status, Verdict

LARGEST = 32 * 1024 * 1024


class UnneededAcceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry under accept in params.yaml for which no gate has an `insufficient` finding."""

    finding: str
    reason: str


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One report on one candidate.

    reason: the first reason that stops the candidate, or why it passes. trouble: the error that
    stopped the run itself, if one did. stale_lock: whether dvc.lock differs from what the commit
    produces. gates: the worst verdict first. missing: what could not be
    shown. positive: the class whose probability is the score. bounds: whether they were derived
    from the data, or a person has confirmed them. unneeded: acceptances that no finding needs.
    splits: rows by the name of the split. sampled_from: how many training rows there were, if
    split.train_rows left some out. since_champion: how the champion was
    judged differently. judged: the digests of the model, for `sluice attempts`; only a run that is
    compared with others has them.
    """

    name: str
    releasable: bool
    reason: str
    gates: tuple[Verdict, ...]
    task: Task | None = None
    target: str | None = None
    classes: tuple[str, ...] = ()
    positive: str | None = None
    bounds: Literal["derived", "confirmed"] | None = None
    confidence: float | None = None
    trouble: str | None = None
    stale_lock: bool = False
    missing: tuple[str, ...] = ()
    unneeded: tuple[UnneededAcceptance, ...] = ()
    splits: dict[str, int] = {}
    sampled_from: int | None = None
    selection: Selection | None = None
    performance: Performance | None = None
    curves: Curves = Curves()
    segments: SegmentResults | None = None
    fairness: tuple[GroupComparison, ...] = ()
    importance: tuple[ColumnImportance, ...] = ()
    rows: tuple[ExplainedRow, ...] = ()
    champion: ChampionComparison | None = None
    contribution: Contribution | None = None
    since_champion: Contribution | None = None
    judged: Model | None = None
    version: Literal[1] = 1

    @property
    def threshold(self) -> float | None:
        """The chosen candidate's threshold, if it decides by one."""
        if self.selection is None or self.selection.chosen not in self.selection.candidates:
            return None
        return self.selection.candidates[self.selection.chosen].decision.threshold

    @property
    def accepted(self) -> list[Finding]:
        """Findings with too little evidence that params.yaml accepts."""
        return [f for gate in self.gates for f in gate.findings if f.passes and f.accepted]

    @property
    def not_passed(self) -> list[Finding]:
        """Findings that keep a gate from passing."""
        return [f for gate in self.gates for f in gate.findings if not f.passes]

    @property
    def acceptable(self) -> list[Finding]:
        """Findings that a person may accept; none of a gate that stopped with an error."""
        return [
            f
            for gate in self.gates
            if completed(gate)
            for f in gate.findings
            if f.status is Status.INSUFFICIENT and not f.passes
        ]

    def gate(self, name: str) -> Verdict | None:
        """The verdict of one gate."""
        return next((gate for gate in self.gates if gate.gate == name), None)

    def findings(self, gate: str) -> tuple[Finding, ...]:
        """The findings of one gate; none if the report does not have it."""
        verdict = self.gate(gate)
        return verdict.findings if verdict else ()


def completed(gate: Verdict) -> bool:
    """Whether the gate completed. The evidence of a gate that did not complete is from an earlier
    run.
    """
    broken = {f"{gate.gate}/ran", f"{gate.gate}/verdict"}
    return bool(gate.findings) and not any(f.name in broken for f in gate.findings)


def is_releasable(gates: tuple[Verdict, ...], trouble: str | None) -> bool:
    """Whether there are gates, all of them pass, and nothing stopped the run."""
    return trouble is None and bool(gates) and all(gate.passes for gate in gates)


def read(path: Path) -> Report:
    """Read a `report.json`, which anyone may have written; raises SluiceError with its path."""
    try:
        if path.stat().st_size > LARGEST:
            raise SluiceError(f"{path} is larger than any report ({LARGEST:,} bytes)")
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise SluiceError(f"{path} is not readable: {error.strerror}") from None


def decode(content: bytes, where: str) -> Report:
    """Decode a report; SluiceError if it is not one, or contradicts its verdicts or numbers."""
    try:
        report = decode_json(content, Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SluiceError(f"{where} is not a report: {error}") from None
    if report.releasable != is_releasable(report.gates, report.trouble):
        raise SluiceError(
            f"{where}: 'releasable' contradicts the verdicts in it; it was edited by hand, "
            "so create the report again"
        )
    for gate in report.gates:
        if gate.findings:  # a gate that did not run has none, and its reason says why
            gate.require_supported(f"{where}: the gate {gate.gate}")
    return report


def encode(report: Report) -> bytes:
    """The content of `report.json`."""
    return files.encode_record(report, indent=1)
