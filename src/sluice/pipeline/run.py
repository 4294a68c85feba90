"""Run the complete pipeline with DVC, and always write the report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sluice import gates, git, judged
from sluice.attempts import record as attempts
from sluice.confined.run import UNCONFINED
from sluice.confined.run import require as require_confinement
from sluice.contribution import from_git
from sluice.errors import SluiceError, describe
from sluice.pipeline import declared, dvc, environment, integrity, remote
from sluice.pipeline.train_on_spark import MASTER
from sluice.project import Project
from sluice.train import unfinished_training
from sluice.verdict import Verdict

if TYPE_CHECKING:
    from sluice.contribution.record import Contribution
    from sluice.judged import Model

# Files that DVC writes in a run and that the next run reads from the commit.
_COMMITTED = ("data.dvc", "dvc.lock", judged.FILE)


@dataclass(frozen=True)
class Comparisons:
    """What the candidate is compared with; each of these may be missing.

    base: an earlier report.json, to show the changes since. champion: the package in production,
    or the folder into which it was downloaded. against: the git revision that a contribution is
    based on, to show which thresholds it changes. attempts: a list of the models that other runs
    of CI have judged.
    """

    base: Path | None = None
    champion: Path | None = None
    against: str | None = None
    attempts: Path | None = None

    @property
    def none(self) -> bool:
        """Whether the candidate is compared with nothing."""
        return not (self.base or self.champion or self.against or self.attempts)


@dataclass(frozen=True)
class Conclusion:
    """The result of a run.

    releasable: every gate passes and the package was assembled. stale_lock: the run should have
    confirmed the committed dvc.lock, but gave another one. to_commit: files that belong to this run
    and that differ from the commit.
    """

    verdicts: list[Verdict]
    releasable: bool
    stale_lock: bool
    to_commit: list[str]


def run(
    project: Project,
    comparisons: Comparisons,
    *,
    locked: bool = False,
    unconfined: bool = False,
    master: str | None = None,
) -> Conclusion:
    """Run the stages that have changed, then write the report.

    If locked, the committed dvc.lock, every cache and the segments that an interrupted training has
    left are ignored, and the report says whether dvc.lock is stale. unconfined: the code of the use
    case runs without a sandbox; every stage then runs, and no cache keeps the results. master: the
    URL of Spark's master, for the models of segments. Raises SluiceError, after writing a report,
    if the run cannot start.
    """
    told = {UNCONFINED: "1" if unconfined else None, MASTER: master}
    with dvc.exclusive(project.root), _told(told):
        return _run(project, comparisons, locked)


@contextmanager
def _told(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables for the stages, or remove those without a value."""
    before = {name: os.environ.pop(name, None) for name in variables}
    try:
        _set(variables)
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    os.environ.update({name: value for name, value in variables.items() if value is not None})


def _run(project: Project, comparisons: Comparisons, locked: bool) -> Conclusion:
    contribution, others = None, None
    try:
        if comparisons.attempts:
            others = attempts.read(comparisons.attempts).judged
        contribution = _contribution(project, comparisons.against)
        _ = project.settings  # raises SluiceError if params.yaml is not valid
        integrity.require_intact(project)
        environment.require_unshadowed(project.root)
        confined = require_confinement()
        if comparisons.against:
            integrity.require_judgements(project, comparisons.against)
        if locked:
            integrity.require_plain_settings(project.root)
            environment.require_locked(project.root)
            unfinished_training.remove_all(project)
        remote.require_room(project.root, project.root / "data")
        _delete_refusals(project)
        _delete_removed_candidates(project)
        pull_data(project)
        done = _repro(project, locked=locked, confined=confined)
        to_commit = [name for name in _COMMITTED if git.changed(project.root, name)]
        stale = locked and "dvc.lock" in to_commit
    except Exception as error:
        verdicts = [gates.not_run(name) for name in gates.GATES]
        _report(project, verdicts, comparisons.base, contribution, describe(error))
        raise
    verdicts = gates.collect(project)
    if contribution and contribution.inside and comparisons.against:
        gone = declared.gone(project, comparisons.against)
        contribution = msgspec.structs.replace(contribution, gone=gone)
    since_champion = None
    if comparisons.champion:
        since_champion = _since_champion(project, comparisons.champion, verdicts)
        verdicts.append(_compare_with_champion(project, comparisons.champion, others, verdicts))
    if others is not None:
        verdicts.append(_count_attempts(project, others, verdicts))
    releasable = done and all(verdict.passes for verdict in verdicts)
    if releasable and comparisons.none and not stale and (project.package / "reports").is_dir():
        _copy_package_report(project)
    else:
        trouble = None if done else _trouble(project, verdicts)
        _report(
            project,
            verdicts,
            comparisons.base,
            contribution,
            trouble,
            stale_lock=stale,
            since_champion=since_champion,
            judged_model=judged.current(project) if _has_model(verdicts) else None,
        )
    if releasable:
        remote.push_new_data(project.root)
    return Conclusion(verdicts, releasable, stale, to_commit)


def _repro(project: Project, *, locked: bool, confined: bool) -> bool:
    def run() -> bool:
        # Without confinement, a later confined run would use the results in the cache.
        everything = locked or not confined
        reproduce = dvc.reproduce_everything if everything else dvc.reproduce
        done = reproduce(project.root)
        if not done:  # dvc.lock still says what this run has made
            _delete_outdated(project)
        return done

    return dvc.reproduce_without_lock(project.root, run) if locked else run()


def _contribution(project: Project, against: str | None) -> Contribution | None:
    return from_git.since(project.root, against) if against else None


def _compare_with_champion(
    project: Project, where: Path, others: Sequence[Model] | None, verdicts: list[Verdict]
) -> Verdict:
    from sluice.champion import comparison as champion

    if not _has_model(verdicts):
        champion.forget(project)
        return gates.not_run(champion.GATE)
    return champion.run(project, where, others or ())


def _count_attempts(project: Project, others: Sequence[Model], verdicts: list[Verdict]) -> Verdict:
    from sluice.attempts import gate

    if not _has_model(verdicts):
        gate.forget(project)
        return gates.not_run(gate.GATE)
    return gate.run(project, others)


def _has_model(verdicts: list[Verdict]) -> bool:
    """Whether this run has made a model; an earlier run's model must not be judged."""
    return next(verdict.passes for verdict in verdicts if verdict.gate == "parity")


def _since_champion(project: Project, where: Path, verdicts: list[Verdict]) -> Contribution | None:
    """How the candidate was judged differently from the champion; None without a champion."""
    from sluice.champion import judged

    try:
        return judged.since(project, where, verdicts)
    except SluiceError:
        return None  # the champion gate refuses what cannot be read, and says why


def _report(
    project: Project,
    verdicts: list[Verdict],
    base: Path | None,
    contribution: Contribution | None,
    trouble: str | None,
    *,
    stale_lock: bool = False,
    since_champion: Contribution | None = None,
    judged_model: Model | None = None,
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
            since_champion=since_champion,
            judged=judged_model,
        )
    except OSError:  # for example a full disk: no report is better than one of an earlier run
        shutil.rmtree(project.report, ignore_errors=True)
        raise


def _copy_package_report(project: Project) -> None:
    """Copy the report of the package, which was assembled from the same verdicts."""
    rest = shutil.ignore_patterns("verdicts", "evidence")
    shutil.copytree(project.package / "reports", project.report, ignore=rest, dirs_exist_ok=True)


def _delete_refusals(project: Project) -> None:
    """Delete the refusals of earlier runs; DVC does not cache them, so it cannot restore them."""
    for name in gates.GATES:
        verdict = project.verdict(name)
        if verdict.is_file() and not gates.read(project, name).passes:
            verdict.unlink()
    project.trouble.unlink(missing_ok=True)


def _delete_removed_candidates(project: Project) -> None:
    """Delete the outputs of removed candidates."""
    for folder in (project.out / "candidates").glob("*"):
        if folder.name not in project.settings.candidates:
            shutil.rmtree(folder)


def _delete_outdated(project: Project) -> None:
    """Delete verdicts that pass, and the selection, unless this run has made or confirmed them.

    When a gate refuses, the stages that depend on it do not run, and the results of an earlier run
    must not be taken for those of this run. After an `insufficient` first gate these stages do run.
    """
    ran_despite = {gates.FIRST} if gates.is_undecided(project, gates.FIRST) else set()
    outdated = dvc.outdated_stages(project.root, apart=ran_despite)
    for name in outdated & set(gates.GATES):
        if gates.read(project, name).passes:
            project.verdict(name).unlink()
    if "select" in outdated:
        project.selection.unlink(missing_ok=True)


def pull_data(project: Project) -> None:
    """Download the data from the DVC remote if it is missing; raises SluiceError on failure."""
    if project.data.exists():
        return
    remote.require_intact(project.root, remote.folder_inside(project.root))
    if dvc.run(project.root, "pull", "--quiet", "data.dvc"):
        raise SluiceError(
            f"{project.settings.data.file} is missing and 'dvc pull' could not download it: "
            "correct data.file in params.yaml, or run 'dvc add data' and 'dvc push' where the data "
            "is"
        )


def _trouble(project: Project, verdicts: list[Verdict]) -> str | None:
    """Return the error of a stage that has no verdict, if there was one."""
    if project.trouble.is_file():
        return project.trouble.read_text("utf-8").strip()
    if all(verdict.passes for verdict in verdicts):
        return "Every gate passes, but DVC could not finish the run: see the output of DVC."
    return None
