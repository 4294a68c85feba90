"""The real `sluice staging test`, and the results that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.staging import results
from sluice.staging.results import Results
from sluice.verdict import Finding, Verdict
from support.fixture_project import Ran, Toy


@dataclass(frozen=True)
class Trial:
    """One call of the command, with its results in the folder `out`."""

    ran: Ran
    out: Path

    @property
    def status(self) -> int:
        return self.ran.status

    @property
    def results(self) -> Results:
        return results.read(self.out)

    @property
    def page(self) -> str:
        return (self.out / "staging.md").read_text("utf-8")

    def finding(self, name: str) -> Finding:
        gate = self.results.load if name.startswith("load/") else self.results.scenarios
        return named(gate, name)


def named(verdict: Verdict, name: str) -> Finding:
    (found,) = [finding for finding in verdict.findings if finding.name == name]
    return found


def attempt(
    toy: Toy, out: Path, *options: object, package: Path | None = None, **env: Any
) -> Trial:
    """Run `sluice staging test`, with its results in the folder `out`."""
    given = (str(package or toy.package), "--out", str(out), *map(str, options))
    return Trial(toy.sluice("staging", "test", *given, **env), out)
