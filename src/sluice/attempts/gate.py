"""The gate `attempts`: does the model still pass if the models of other runs of CI count as well?

judged.jsonl only has the models that a branch or main has kept. A branch that is overwritten, or
several branches, can try many models on the same rows, of which one passes by chance. This gate is
not a stage of the pipeline: a package depends on its commit alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sluice import gates, judged, table
from sluice.check import fairness, performance
from sluice.judged import Model
from sluice.project import Project
from sluice.verdict import Finding, Status, Verdict

GATE = "attempts"
# The gates whose intervals depend on how many models were judged on the holdout. The intervals of
# the champion gate depend on it too, but that gate gets the models of other runs itself.
_WIDENED = {"performance": performance.measure, "fairness": fairness.measure}


def run(project: Project, others: Sequence[Model]) -> Verdict:
    """Judge the model again, with intervals for all models that were judged on the holdout.

    others: models of other runs. Writes the verdict to out/attempts/; an error becomes a finding.
    """
    forget(project)
    ran = gates.run(
        GATE,
        lambda: _measure(project, others),
        lambda verdict: verdict.write(_folder(project) / "verdict.json"),
        lambda: project.settings.accept,
    )
    return ran.verdict


def forget(project: Project) -> None:
    """Delete the verdict of an earlier run."""
    shutil.rmtree(_folder(project), ignore_errors=True)


def _folder(project: Project) -> Path:
    return project.out / GATE


def _measure(project: Project, others: Sequence[Model]) -> list[Finding]:
    holdout = table.read_split(project.split("holdout"))
    own, total = judged.count(project, holdout), judged.count(project, holdout, others)
    used = performance.uses(total, project)
    why = f"{used.why} ({total - own} only in other runs of CI)"
    used = msgspec.structs.replace(_renamed(used), why=why)
    if total == own:
        return [used]
    found = [used]
    for gate, measure in _WIDENED.items():
        verdict = gates.read(project, gate)
        passed = {each.name for each in verdict.findings if each.status is Status.PASS}
        again = measure(project, others, evidence=False)
        doubtful = [each for each in again if each.name in passed and not each.passes]
        found += [_renamed(each) for each in doubtful if _renamed(each).name != used.name]
    return found


def _renamed(finding: Finding) -> Finding:
    """The finding under a name of this gate, because names are unique in a report."""
    return msgspec.structs.replace(finding, name=f"{GATE}/{finding.name}")
