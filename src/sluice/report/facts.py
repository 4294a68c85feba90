"""Everything that the report says, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from sluice.config import Settings
from sluice.contribution.compare import Contribution
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.report.evidence import (
    Comparison,
    Curves,
    Explained,
    Grouping,
    Importance,
    Metrics,
    Reader,
    Selection,
)
from sluice.task import Task
from sluice.verdict import Finding, Status, Verdict

_SPLITS = ("train", "validation", "holdout", "latest")
LARGEST = 32 * 1024 * 1024


class Unneeded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What params.yaml accepts although no gate found it insufficient."""

    finding: str
    reason: str


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One report. `trouble` is what stopped the run before the gates could speak.

    `stale_lock` is whether dvc.lock is not what the commit gives: the gates do not judge that.
    `missing` names what the report would have shown, had it been there.
    """

    name: str
    releasable: bool
    reason: str
    gates: tuple[Verdict, ...]
    task: Task | None = None
    classes: tuple[str, ...] = ()
    confidence: float | None = None
    trouble: str | None = None
    stale_lock: bool = False
    missing: tuple[str, ...] = ()
    unneeded: tuple[Unneeded, ...] = ()
    splits: dict[str, int] = {}
    selection: Selection | None = None
    performance: Metrics | None = None
    curves: Curves = Curves()
    fairness: tuple[Grouping, ...] = ()
    importance: tuple[Importance, ...] = ()
    rows: tuple[Explained, ...] = ()
    champion: Comparison | None = None
    contribution: Contribution | None = None
    version: Literal[1] = 1

    @property
    def threshold(self) -> float | None:
        """Where the chosen candidate decides, if it decides by a threshold."""
        if self.selection is None or self.selection.chosen not in self.selection.candidates:
            return None
        return self.selection.candidates[self.selection.chosen].decision.threshold

    @property
    def accepted(self) -> list[Finding]:
        return [f for gate in self.gates for f in gate.findings if f.passes and f.accepted]

    @property
    def refused(self) -> list[Finding]:
        return [f for gate in self.gates for f in gate.findings if not f.passes]

    @property
    def acceptable(self) -> list[Finding]:
        """What a person may accept by name: a gate that broke off takes no such word."""
        return [
            f
            for gate in self.gates
            if ran(gate)
            for f in gate.findings
            if f.status is Status.INSUFFICIENT and not f.passes
        ]

    def gate(self, name: str) -> Verdict | None:
        return next((gate for gate in self.gates if gate.gate == name), None)


def gather(
    project: Project,
    verdicts: list[Verdict],
    *,
    trouble: str | None = None,
    stale_lock: bool = False,
    contribution: Contribution | None = None,
) -> Facts:
    """Collect what there is; whatever is absent is named, never an error."""
    settings = None
    try:
        settings = project.settings
    except SluiceError as error:
        trouble = trouble or str(error)
    gates = tuple(sorted(verdicts, key=_severity))
    releasable = _releasable(gates, trouble)
    reader = Reader(project)
    task = settings.task if settings else None
    looked = {gate.gate for gate in gates if ran(gate)}
    stopped = [gate.gate for gate in gates if gate.gate not in looked]
    if stopped:
        reader.missing.append(f"gates that did not run to their end: {', '.join(stopped)}")
    # Where no gate has looked, what lies there is of an earlier run.
    selection = reader.read("selection.json", Selection) if looked else None
    shown: dict[str, object] = {"selection": selection}
    if "performance" in looked:
        shown["performance"] = reader.read("evidence/performance/metrics.json", Metrics)
        shown["curves"] = reader.curves(task)
    if "fairness" in looked:
        groups = reader.read("evidence/fairness/groups.json", tuple[Grouping, ...])
        shown["fairness"] = groups or ()
    if "explanation" in looked:
        columns = reader.read("evidence/explanation/importance.json", tuple[Importance, ...])
        rows = reader.read("evidence/explanation/rows.json", tuple[Explained, ...])
        shown |= {"importance": columns or (), "rows": rows or ()}
    if "champion" in looked:
        shown["champion"] = reader.read("champion/comparison.json", Comparison, wanted=False)
    if settings:
        shown["classes"] = tuple(settings.classes)
        shown["confidence"] = settings.performance.confidence
        shown["unneeded"] = _unneeded(settings, gates, looked)
    sizes = {part: reader.rows(project.split(part)) for part in _SPLITS if selection}
    unknown = [part for part, size in sizes.items() if size is None]
    if unknown:
        reader.missing.append(f"out/split is not readable: {', '.join(unknown)}")
    facts = Facts(
        name=settings.name if settings else "This candidate",
        releasable=releasable,
        reason=_reason(gates, trouble),
        gates=gates,
        task=task,
        trouble=trouble,
        stale_lock=stale_lock,
        splits={part: size for part, size in sizes.items() if size is not None},
        missing=tuple(reader.missing),
        contribution=contribution,
        **shown,  # type: ignore[arg-type]
    )
    return _without(facts, project.root)


def read(path: Path) -> Facts:
    """An earlier `report.json`, which anyone may have written; raises SluiceError naming it."""
    try:
        if path.stat().st_size > LARGEST:
            raise SluiceError(f"{path} is larger than any report")
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise SluiceError(f"{path} is not readable: {error.strerror}") from None


def decode(content: bytes, where: str) -> Facts:
    """The same from its bytes."""
    try:
        facts = msgspec.json.decode(content, type=Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SluiceError(f"{where} is not a report: {error}") from None
    if facts.releasable != _releasable(facts.gates, facts.trouble):
        raise SluiceError(f"{where}: its headline is not what its gates say; it was edited by hand")
    return facts


def encode(facts: Facts) -> bytes:
    return msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n"


def _releasable(gates: tuple[Verdict, ...], trouble: str | None) -> bool:
    return trouble is None and bool(gates) and all(gate.passes for gate in gates)


def _reason(gates: tuple[Verdict, ...], trouble: str | None) -> str:
    if trouble is not None:
        return trouble
    if not gates:
        return "No gate has spoken."
    worst = gates[0]
    if not worst.passes:
        return worst.why if worst.findings else f"{worst.gate}: {worst.why}"
    accepted = sum(f.accepted is not None for gate in gates for f in gate.findings)
    if accepted:
        what = "finding that falls short is" if accepted == 1 else "findings that fall short are"
        return f"All {len(gates)} gates let it through; {accepted} {what} accepted in params.yaml."
    return f"All {len(gates)} gates let it through."


def _severity(gate: Verdict) -> int:
    if gate.passes:
        return 3 if gate.status is Status.PASS else 2
    return 0 if gate.status is Status.FAIL else 1


def ran(gate: Verdict) -> bool:
    """Whether the gate looked to its end: else its evidence is that of an earlier run."""
    broken = {f"{gate.gate}/ran", f"{gate.gate}/verdict"}
    return bool(gate.findings) and not any(f.name in broken for f in gate.findings)


def _unneeded(
    settings: Settings, gates: tuple[Verdict, ...], looked: set[str]
) -> tuple[Unneeded, ...]:
    insufficient = {
        f.name for one in gates for f in one.findings if f.status is Status.INSUFFICIENT
    }
    known = {"champion", *(one.gate for one in gates)}
    return tuple(
        Unneeded(item.finding, item.reason)
        for item in settings.accept
        if item.finding not in insufficient
        # Of a gate that did not look, nobody knows what it would have found.
        and ((gate := item.finding.partition("/")[0]) in looked or gate not in known)
    )


def _without(facts: Facts, root: Path) -> Facts:
    """The same facts with no path of this machine in them."""
    if not root.is_absolute():
        return facts
    text = msgspec.json.encode(facts)
    for folder in {root, root.resolve()}:
        text = text.replace(msgspec.json.encode(f"{folder}/")[1:-1], b"")
    return msgspec.json.decode(text, type=Facts)
