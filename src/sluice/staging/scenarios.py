"""The packaged scenarios, run against the server over HTTP."""

from __future__ import annotations

from contextlib import closing

import msgspec

from sluice import scenario
from sluice.errors import SluiceError
from sluice.model import read_signature
from sluice.package.archive import Package
from sluice.scenario import AnyScenario, Book, Scorer
from sluice.staging.remote import AnswerError, RemoteModel
from sluice.staging.target import Target
from sluice.verdict import Finding, Status, Verdict

GATE = "test-scenarios"

_PACKAGED = "scenarios"


def run(package: Package, target: Target) -> list[Finding]:
    book = scenario.read(package.folder / "scenarios" / "scenarios.json")
    signature = read_signature(package.model / "signature.json")
    with closing(RemoteModel(target, signature)) as model:
        findings = [_run(model, each, book) for each in book.scenarios]
    _hold(package, findings)
    return [_renamed(finding) for finding in findings]


def _run(model: Scorer, one: AnyScenario, book: Book) -> Finding:
    try:
        (finding,) = scenario.run(model, Book(book.samples, [one]))
    except AnswerError as error:
        return Finding(f"{_PACKAGED}/{one.name}", Status.FAIL, str(error))
    return finding


def _hold(package: Package, findings: list[Finding]) -> None:
    """Those and no others that the package's own verdict names."""
    path = package.folder / "reports" / "verdicts" / "scenarios.json"
    said = Verdict.read(path.read_bytes(), str(path))
    if {finding.name for finding in findings} != {finding.name for finding in said.findings}:
        raise SluiceError("the package holds other scenarios than the verdict on them names")


def _renamed(finding: Finding) -> Finding:
    name = f"{GATE}/{finding.name.removeprefix(f'{_PACKAGED}/')}"
    return msgspec.structs.replace(finding, name=name)
