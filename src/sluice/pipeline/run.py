"""Reproduce the whole road with DVC, and report whatever comes of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import gates
from sluice.contribution import from_git
from sluice.errors import SluiceError, describe
from sluice.pipeline import dvc, integrity, remote
from sluice.project import Project
from sluice.verdict import Verdict

if TYPE_CHECKING:
    from sluice.contribution.record import Contribution


@dataclass(frozen=True)
class Beside:
    """What a candidate is shown and judged beside.

    base: an earlier report.json. champion: a package, or the folder that the one in production
    was put into. against: the git revision that a contribution starts from.
    """

    base: Path | None = None
    champion: Path | None = None
    against: str | None = None

    @property
    def nothing(self) -> bool:
        return not (self.base or self.champion or self.against)


@dataclass(frozen=True)
class Conclusion:
    verdicts: list[Verdict]
    releasable: bool
    stale_lock: bool


def run(project: Project, beside: Beside, *, locked: bool = False) -> Conclusion:
    """Run what changed, then write the report.

    If locked, no committed dvc.lock is taken for a run, and the report says whether it is stale.
    """
    with dvc.alone(project.root):
        return _run(project, beside, locked)


def _run(project: Project, beside: Beside, locked: bool) -> Conclusion:
    contribution = None
    try:
        contribution = _contribution(project, beside.against)
        _ = project.settings
        integrity.require_whole(project)
        _forget_refusals(project)
        _forget_candidates(project)
        _have_data(project)
        repro = partial(_repro, project)
        done = dvc.anew(project.root, repro) if locked else repro()
        stale = locked and from_git.lock_is_stale(project.root)
    except Exception as error:
        verdicts = [gates.not_run(name) for name in gates.GATES]
        _report(project, verdicts, beside.base, contribution, describe(error))
        raise
    verdicts = gates.collect(project)
    if beside.champion:
        verdicts.append(_beside_champion(project, beside.champion, verdicts))
    releasable = done and all(verdict.passes for verdict in verdicts)
    if releasable and beside.nothing and not stale and (project.package / "reports").is_dir():
        _take_over_report(project)
    else:
        trouble = None if done else _trouble(project, verdicts)
        _report(project, verdicts, beside.base, contribution, trouble, stale_lock=stale)
    if releasable:
        remote.keep(project.root)
    return Conclusion(verdicts, releasable, stale)


def _repro(project: Project) -> bool:
    done = dvc.run(project.root, "repro", "--keep-going") == 0
    if not done:
        _forget_unconfirmed(project)
    return done


def _contribution(project: Project, against: str | None) -> Contribution | None:
    return from_git.since(project.root, against) if against else None


def _beside_champion(project: Project, where: Path, verdicts: list[Verdict]) -> Verdict:
    from sluice.champion import comparison as champion

    # Without a model there is nothing to compare, and one of an earlier run must not stand in.
    if not next(verdict.passes for verdict in verdicts if verdict.gate == "parity"):
        champion.forget(project)
        return gates.not_run(champion.GATE)
    return champion.run(project, where)


def _report(
    project: Project,
    verdicts: list[Verdict],
    base: Path | None,
    contribution: Contribution | None,
    trouble: str | None,
    *,
    stale_lock: bool = False,
) -> None:
    from sluice.report.write import write

    try:
        write(
            project,
            verdicts,
            base=base,
            trouble=trouble,
            stale_lock=stale_lock,
            contribution=contribution,
        )
    except OSError:  # a full disk: better no report than that of an earlier run
        shutil.rmtree(project.report, ignore_errors=True)
        raise


def _take_over_report(project: Project) -> None:
    """The package was assembled from these verdicts, and its report says the same."""
    rest = shutil.ignore_patterns("verdicts", "evidence")
    shutil.copytree(project.package / "reports", project.report, ignore=rest, dirs_exist_ok=True)


def _forget_refusals(project: Project) -> None:
    """DVC keeps no refusal: one that is found after this run was given by this run."""
    for name in gates.GATES:
        verdict = project.verdict(name)
        if verdict.is_file() and not gates.read(project, name).passes:
            verdict.unlink()
    project.trouble.unlink(missing_ok=True)


def _forget_candidates(project: Project) -> None:
    """Who is a candidate no more must not count among them: a fresh clone has no such folder."""
    for folder in (project.out / "candidates").glob("*"):
        if folder.name not in project.settings.candidates:
            shutil.rmtree(folder)


def _forget_unconfirmed(project: Project) -> None:
    """Drop the passes of gates, and the candidates, that this run neither made nor confirmed.

    When something refuses, what hangs on it does not run, and what an earlier run
    left would stand in for it.
    """
    unconfirmed = dvc.unconfirmed(project.root)
    for name in unconfirmed & set(gates.GATES):
        if gates.read(project, name).passes:
            project.verdict(name).unlink()
    if "select" in unconfirmed:
        project.selection.unlink(missing_ok=True)


def _have_data(project: Project) -> None:
    if not project.data.exists() and dvc.run(project.root, "pull", "--quiet", "data.dvc"):
        raise SluiceError(
            f"{project.settings.data.file} is not here and 'dvc pull' could not bring it: "
            "mend data.file in params.yaml, or 'dvc add data' and 'dvc push' where the data is"
        )


def _trouble(project: Project, verdicts: list[Verdict]) -> str | None:
    """The line that a stage without a verdict stopped with."""
    if project.trouble.is_file():
        return project.trouble.read_text("utf-8").strip()
    if all(verdict.passes for verdict in verdicts):
        return "Every gate passes, but DVC could not finish the run: its own output says why."
    return None
