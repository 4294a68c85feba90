"""Reproduce the whole road with DVC, and report whatever comes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from sluice import reproduce, road
from sluice.check import gate
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.verdict import Verdict


def run(project: Project, base: Path | None = None) -> bool:
    """Run what changed, then write the report; returns whether the candidate may be released."""
    with reproduce.alone(project.root):
        return _run(project, base)


def _run(project: Project, base: Path | None) -> bool:
    try:
        _ = project.settings
        road.require_whole(project)
        _forget_refusals(project)
        _forget_candidates(project)
        _have_data(project)
        done = reproduce.run(project.root, "repro", "--keep-going") == 0
        if not done:
            _forget_unconfirmed(project)
    except Exception as error:
        said = str(error) if isinstance(error, SluiceError) else f"{type(error).__name__}: {error}"
        _report(project, [gate.not_run(name) for name in gate.GATES], base, said)
        raise
    verdicts = gate.collect(project)
    releasable = done and all(verdict.passes for verdict in verdicts)
    if releasable and base is None and (project.package / "reports").is_dir():
        _take_over_report(project)
    else:
        _report(project, verdicts, base, None if done else _trouble(project, verdicts))
    return releasable


def _report(
    project: Project, verdicts: list[Verdict], base: Path | None, trouble: str | None
) -> None:
    from sluice.report.write import write

    try:
        write(project, verdicts, base=base, trouble=trouble)
    except OSError:  # a full disk: better no report than that of an earlier run
        shutil.rmtree(project.report, ignore_errors=True)
        raise


def _take_over_report(project: Project) -> None:
    """The package was assembled from these verdicts, and its report says the same."""
    rest = shutil.ignore_patterns("verdicts", "evidence")
    shutil.copytree(project.package / "reports", project.report, ignore=rest, dirs_exist_ok=True)


def _forget_refusals(project: Project) -> None:
    """DVC keeps no refusal: one that is found after this run was given by this run."""
    for name in gate.GATES:
        verdict = project.verdict(name)
        if verdict.is_file() and not gate.read(project, name).passes:
            verdict.unlink()
    project.trouble.unlink(missing_ok=True)


def _forget_candidates(project: Project) -> None:
    """Who is a candidate no more must not count among them: a fresh clone has no such folder."""
    for folder in (project.out / "candidates").glob("*"):
        if folder.name not in project.settings.candidates:
            shutil.rmtree(folder)


def _forget_unconfirmed(project: Project) -> None:
    """Drop the passes of gates that this run neither ran nor found unchanged.

    When something refuses, what hangs on it does not run, and the verdict of an
    earlier run would stand in for it.
    """
    for name in reproduce.unconfirmed(project.root) & set(gate.GATES):
        if gate.read(project, name).passes:
            project.verdict(name).unlink()


def _have_data(project: Project) -> None:
    if not project.data.exists() and reproduce.run(project.root, "pull", "--quiet", "data.dvc"):
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
