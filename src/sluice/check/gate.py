"""A gate: look at the candidate, write the verdict, let through or refuse."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from sluice.errors import SluiceError
from sluice.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    from sluice.project import Project

    Look = Callable[[Project], list[Finding]]

# Every gate on the road to a package, in its order; each module defines `look`.
GATES = {
    "data-quality": "data_quality",
    "parity": "parity",
    "performance": "performance",
    "fairness": "fairness",
    "explanation": "explanation",
    "scenarios": "scenarios",
}


def run(project: Project, gate: str) -> Verdict:
    """Run one gate and write its verdict, whatever happens on the way."""
    try:
        look: Look = importlib.import_module(f"sluice.check.{GATES[gate]}").look
        findings = accept(project, gate, look(project))
    except Exception as error:
        said = str(error) if isinstance(error, SluiceError) else f"{type(error).__name__}: {error}"
        broken = Finding(f"{gate}/ran", Status.INSUFFICIENT, " ".join(said.split()))
        Verdict.of(gate, [broken]).write(project.verdict(gate))
        raise
    verdict = Verdict.of(gate, findings)
    verdict.write(project.verdict(gate))
    return verdict


def accept(project: Project, gate: str, findings: list[Finding]) -> list[Finding]:
    """Mark what params.yaml accepts by name; only an `insufficient` can be accepted."""
    reasons = {item.finding: item.reason for item in project.settings.accept}
    return [
        msgspec.structs.replace(finding, accepted=reasons[finding.name])
        if finding.status is Status.INSUFFICIENT and finding.name in reasons
        else finding
        for finding in findings
    ]


def collect(project: Project) -> list[Verdict]:
    """The verdict of every gate; a gate without one did not run, and does not pass."""
    return [read(project, gate) for gate in GATES]


def not_run(gate: str) -> Verdict:
    why = "The gate did not run: something before it stopped."
    return Verdict(gate, Status.INSUFFICIENT, why)


def read(project: Project, gate: str) -> Verdict:
    """The verdict of one gate as it lies there; a file that is not one fails."""
    path = project.verdict(gate)
    try:
        verdict = Verdict.read(path.read_bytes(), str(path))
    except FileNotFoundError:
        return not_run(gate)
    except SluiceError as error:
        return Verdict.of(gate, [Finding(f"{gate}/verdict", Status.FAIL, str(error))])
    if verdict.gate != gate:
        why = f"{path} holds the verdict of {verdict.gate!r}"
        return Verdict.of(gate, [Finding(f"{gate}/verdict", Status.FAIL, why)])
    return verdict
