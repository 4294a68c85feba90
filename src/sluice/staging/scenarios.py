"""The scenarios of the package, run against its server over HTTP."""

from __future__ import annotations

from contextlib import closing

import msgspec

from sluice import scenario
from sluice.errors import SluiceError
from sluice.package.archive import Package
from sluice.scenario import AnyScenario, Book, Scorer
from sluice.serve.target import Target
from sluice.staging.remote import RemoteModel, ResponseError
from sluice.staging.results import SCENARIOS as GATE
from sluice.verdict import Finding, Status

_PACKAGED = "scenarios"  # the gate that ran them when the package was built


def run(package: Package, target: Target) -> list[Finding]:
    """One finding for each scenario; a response without scores fails its scenario.

    Raises SluiceError if the scenarios are not those that the package's own verdict names.
    """
    book = package.scenarios
    with closing(RemoteModel(target, package.signature)) as model:
        findings = [_run(model, each, book) for each in book.scenarios]
    _require_same(package, findings)
    return [_renamed(finding) for finding in findings]


def _run(model: Scorer, one: AnyScenario, book: Book) -> Finding:
    try:
        (finding,) = scenario.run(model, Book(book.samples, [one]))
    except ResponseError as error:
        return Finding(f"{_PACKAGED}/{one.name}", Status.FAIL, str(error))
    return finding


def _require_same(package: Package, findings: list[Finding]) -> None:
    built = package.verdict(_PACKAGED)
    if {finding.name for finding in findings} != {finding.name for finding in built.findings}:
        raise SluiceError(
            f"{package.manifest.name}: its scenarios are not those that its own verdict "
            "reports/verdicts/scenarios.json names; build the package again"
        )


def _renamed(finding: Finding) -> Finding:
    name = f"{GATE}/{finding.name.removeprefix(f'{_PACKAGED}/')}"
    return msgspec.structs.replace(finding, name=name)
