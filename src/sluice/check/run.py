"""Run one of the gates that a package must pass."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from sluice import gates

if TYPE_CHECKING:
    from sluice.project import Project
    from sluice.verdict import Finding, Verdict


def run(project: Project, gate: str) -> Verdict:
    """Run the gate and write its verdict; an exception that stopped the gate is raised again."""

    def measure() -> list[Finding]:
        module = importlib.import_module(f"sluice.check.{gate.replace('-', '_')}")
        look: Callable[[Project], list[Finding]] = module.measure
        return look(project)

    ran = gates.run(
        gate,
        measure,
        lambda verdict: verdict.write(project.verdict(gate)),
        lambda: project.settings.accept,
    )
    if ran.error is not None:
        raise ran.error
    return ran.verdict
