"""How settings, scenarios and expectations differ from those that judged the champion."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sluice.champion import folder
from sluice.contribution.compare import compare
from sluice.contribution.record import Contribution
from sluice.files import read_yaml
from sluice.package.archive import opened
from sluice.project import Project
from sluice.verdict import Verdict

# The findings that the use case's code defines; all others follow from params.yaml.
_DECLARED = ("scenarios/", "data-quality/usecase/")


def since(project: Project, where: Path, verdicts: Iterable[Verdict]) -> Contribution | None:
    """The changes since the champion in `where`; None if there is no champion.

    verdicts: the verdicts on the candidate. A gate that did not run is not compared. Raises
    SluiceError if the champion cannot be read.
    """
    champion = folder.read(where)
    if champion is None:
        return None
    with opened(champion.package) as package:
        judged, theirs = read_yaml(package.params), list(package.report.gates)
    made = compare(champion.name, judged, read_yaml(project.root / "params.yaml"), [])
    ran = [verdict for verdict in verdicts if verdict.findings]
    known = {verdict.gate for verdict in ran}
    gone = _declared(v for v in theirs if v.gate in known).difference(_declared(ran))
    return Contribution(made.against, made.settings, gone=tuple(sorted(gone)))


def _declared(verdicts: Iterable[Verdict]) -> set[str]:
    names = {finding.name for verdict in verdicts for finding in verdict.findings}
    return {name for name in names if name.startswith(_DECLARED)}
