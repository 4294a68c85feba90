"""How a gate runs, and where the verdicts of the gates of a package are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sluice.errors import SluiceError, describe
from sluice.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    from sluice.config import Acceptance
    from sluice.project import Project

# Every gate that a package must pass, in the order in which they run. `sluice.check` has one module
# for each, with the gate's name.
FIRST = "data-quality"  # the gate that runs before the data is split
GATES = (FIRST, "parity", "performance", "fairness", "explanation", "scenarios")


@dataclass(frozen=True)
class GateRun:
    """The verdict of a gate, and the exception that stopped the gate, if one did."""

    verdict: Verdict
    error: Exception | None = None


def run(
    gate: str,
    measure: Callable[[], list[Finding]],
    write: Callable[[Verdict], None],
    acceptances: Callable[[], Sequence[Acceptance]] = tuple,
) -> GateRun:
    """Run one gate and write its verdict, whether or not `measure` raises an exception.

    An exception becomes the finding `<gate>/ran` with the status `insufficient`. The exception is
    returned, so that the caller decides whether to raise it again. Two findings with the same name
    also count as an exception. KeyboardInterrupt and SystemExit are not caught, because they are
    not about the candidate.
    """
    error = None
    try:
        findings = measure()
        _require_distinct_names(findings)
        findings = accept(findings, acceptances())
    except Exception as caught:
        error = caught
        findings = [Finding(f"{gate}/ran", Status.INSUFFICIENT, describe(caught))]
    verdict = Verdict.of(gate, findings)
    write(verdict)
    return GateRun(verdict, error)


def _require_distinct_names(findings: Sequence[Finding]) -> None:
    """Raise SluiceError if two findings share a name, because one could hide the other.

    Acceptances in params.yaml and comparisons with earlier reports refer to findings by name.
    """
    counts = Counter(finding.name for finding in findings)
    if shared := [name for name, count in counts.items() if count > 1]:
        raise SluiceError(
            f"two findings are named {shared[0]!r}: give each its own name, which is the 'name' of "
            "a scenario and the 'description' of an expectation in src/usecase"
        )


def accept(findings: Sequence[Finding], acceptances: Sequence[Acceptance]) -> list[Finding]:
    """Mark the findings that params.yaml accepts by name; only `insufficient` can be accepted."""
    reasons = {item.finding: item.reason for item in acceptances}
    return [
        msgspec.structs.replace(finding, accepted=reasons[finding.name])
        if finding.status is Status.INSUFFICIENT and finding.name in reasons
        else finding
        for finding in findings
    ]


def collect(project: Project) -> list[Verdict]:
    """Read the verdict of every gate; a gate without a verdict did not run and does not pass."""
    return [read(project, gate) for gate in GATES]


def is_undecided(project: Project, gate: str) -> bool:
    """Whether a gate has completed with an `insufficient` that nobody has accepted."""
    verdict = read(project, gate)
    if verdict.status is not Status.INSUFFICIENT or verdict.passes:
        return False
    return bool(verdict.findings) and all(each.name != f"{gate}/ran" for each in verdict.findings)


def not_run(gate: str) -> Verdict:
    """The verdict of a gate that did not run."""
    why = "The gate did not run, because an earlier step stopped."
    return Verdict(gate, Status.INSUFFICIENT, why)


def read(project: Project, gate: str) -> Verdict:
    """Read the verdict of one gate; a file without a valid verdict counts as a failure."""
    path = project.verdict(gate)
    try:
        return read_file(path, gate)
    except FileNotFoundError:
        return not_run(gate)
    except SluiceError as error:
        return Verdict.of(gate, [Finding(f"{gate}/verdict", Status.FAIL, str(error))])


def read_file(path: Path, gate: str) -> Verdict:
    """Read the verdict of `gate` from a file.

    Raises FileNotFoundError, and SluiceError for a file without a valid verdict or with that of
    another gate.
    """
    verdict = Verdict.read(path.read_bytes(), str(path))
    if verdict.gate != gate:
        raise SluiceError(f"{path} has the verdict of {verdict.gate!r}, expected {gate!r}")
    return verdict
