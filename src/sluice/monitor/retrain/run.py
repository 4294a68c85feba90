"""From the decision to a proposal: new rows, a new model, and the comparison on new rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from sluice import files, git, proposal
from sluice.champion import comparison, folder
from sluice.errors import SluiceError
from sluice.files import read_json
from sluice.monitor import run
from sluice.monitor.decide import Decision
from sluice.monitor.places import local_copy
from sluice.monitor.report.record import MonitorReport
from sluice.monitor.report.whole import report
from sluice.monitor.retrain import part, rows
from sluice.monitor.retrain.record import RECORD, Gain, Retraining
from sluice.monitor.retrain.rows import NewRows
from sluice.monitor.run import Look
from sluice.pipeline import dvc, remote
from sluice.pipeline.run import Comparisons, pull_data
from sluice.pipeline.run import run as run_pipeline
from sluice.project import Project
from sluice.train import split
from sluice.verdict import Status, Verdict

PROPOSAL = "proposal"
_STATUS = {
    "retrain": Status.FAIL,
    "look": Status.FAIL,
    "keep": Status.PASS,
    "wait": Status.INSUFFICIENT,
}


@dataclass(frozen=True)
class Sources:
    """log, labels: their paths or URLs; None if they are not configured. champion: the package in
    production, or the folder of `sluice champion fetch`. master: the URL of a Spark cluster.
    anyway: retrain regardless of the rules, unless the labels cannot be trusted.
    """

    log: str | None
    labels: str | None
    champion: Path
    until: date | None = None
    cache: Path | None = None
    training: Path | None = None
    master: str | None = None
    anyway: bool = False


def retrain(
    project: Project, sources: Sources, out: Path, say: Callable[[str], None]
) -> Retraining:
    """Monitor production, decide, and if necessary retrain and write a proposal.

    The folder `out` gets the record, the page, the report on production, and the proposal. The
    project then contains the new rows and the results of its run. Raises SluiceError if the project
    has changes that are not committed.
    """
    files.clear_folder(out, RECORD)
    files.write(out / RECORD, b"{}\n")
    made = _retrain(project, sources, out, say)
    if made.proposed:
        made = _push(project, made)
    page = made.write(out)
    if made.proposed:
        _propose(project, out / PROPOSAL, made, page)
    return made


def _retrain(
    project: Project, sources: Sources, out: Path, say: Callable[[str], None]
) -> Retraining:
    name = project.settings.name
    champion = folder.read(sources.champion)
    if champion is None:
        return _waiting(name, "no model is in production yet: there is no full release")
    if not sources.log:
        return _waiting(
            name,
            "no scoring log is configured: name it in params.yaml under monitor.log, and the "
            "labels under monitor.labels",
        )
    if not sources.labels:
        return _waiting(
            name, "no labels are configured: name their file in params.yaml under monitor.labels"
        )
    if git.changed(project.root):
        raise SluiceError(
            "the project has changes that are not committed: commit them first, or undo those of "
            "an earlier retraining with 'git stash -u' and 'dvc checkout'"
        )
    _make_splits(project)
    training = run.training_rows(champion.package, sources.training, project.split("train"))
    with (
        local_copy(sources.labels) as labels,
        run.looking(
            champion.package,
            sources.log,
            sources.until,
            sources.cache,
            training,
            labels=labels,
            master=sources.master,
        ) as look,
    ):
        seen = report(look, labels, project, out / "monitor")
        decision = _decision(seen, anyway=sources.anyway)
        made = Retraining(name, _STATUS[decision.action], decision, seen.verdicts)
        if decision.action != "retrain":
            return made
        say(f"{decision.why}: training again")
        found, verdict = _new_rows(look, labels, project)
    made = msgspec.structs.replace(made, verdicts=(*made.verdicts, verdict))
    if not verdict.passes:
        return msgspec.structs.replace(made, status=verdict.status, stopped=verdict.why)
    return _train(project, champion.package, found, made, out=out, say=say)


def _make_splits(project: Project) -> None:
    """Make the splits, whose training rows the monitors need, and the model for learning curves."""
    if project.settings.retraining.cost is not None:
        run_pipeline(project, Comparisons())
    elif not project.split("train").exists():
        pull_data(project)
        split.run(project)


def _waiting(name: str, why: str) -> Retraining:
    decision = Decision("wait", "none", why)
    return Retraining(name, Status.INSUFFICIENT, decision, (decision.verdict(),))


def _decision(seen: MonitorReport, *, anyway: bool) -> Decision:
    if not anyway or seen.decision.rule == "labels":
        return seen.decision
    why = f"a person has asked for it; the rules say: {seen.decision.action}: {seen.decision.why}"
    return Decision("retrain", "request", why)


def _new_rows(look: Look, labels: Path, project: Project) -> tuple[NewRows, Verdict]:
    found = rows.find(look, labels, project)
    return found, Verdict.of(rows.GATE, found.findings)


def _train(
    project: Project,
    champion: Path,
    found: NewRows,
    made: Retraining,
    *,
    out: Path,
    say: Callable[[str], None],
) -> Retraining:
    """Add the rows, run the pipeline with all gates, and compare on the new rows."""
    added = part.append(project.data, found.frame, project.settings)
    name = added.relative_to(project.root).as_posix()
    say(f"{len(found.frame):,} new rows: {name}")
    done = run_pipeline(project, Comparisons())
    verdicts = [*made.verdicts, *done.verdicts]
    made = msgspec.structs.replace(made, part=name, rows=len(found.frame), status=Status.FAIL)
    if not done.releasable:
        refused = next((v for v in done.verdicts if not v.passes), None)
        why = f"{refused.gate}: {refused.why}" if refused else "the pipeline has failed"
        return msgspec.structs.replace(made, verdicts=tuple(verdicts), stopped=why)
    file = out / "champion" / "comparison.json"
    compared = [
        comparison.run(project, champion),
        comparison.run_on_new_rows(project, champion, found.ids, file),
    ]
    verdicts += compared
    values = read_json(file) if file.exists() else {}
    made = msgspec.structs.replace(
        made,
        verdicts=tuple(verdicts),
        compared=values.get("rows", 0),
        metrics=tuple(Gain(n, *_values(one)) for n, one in values.get("metrics", {}).items()),
    )
    for judged in compared:
        if judged.status is Status.FAIL:
            return msgspec.structs.replace(made, stopped=f"{judged.gate}: {judged.why}")
    shown = all(judged.passes for judged in compared)
    return msgspec.structs.replace(made, status=Status.PASS, shown=shown)


def _values(one: dict[str, float | None]) -> list[float | None]:
    return [one[name] for name in ("candidate", "champion", "gain", "low", "high")]


def _push(project: Project, made: Retraining) -> Retraining:
    """Push the rows if the DVC remote is outside the repository; else they are in the commit."""
    root = project.root
    if remote.folder_inside(root) is not None:
        return made
    name = remote.name(root)
    if dvc.run(root, "push", "--quiet", "data.dvc"):
        why = (
            f"'dvc push data.dvc' to the DVC remote {name!r} failed, so nobody else could build "
            "the proposal: let this job write to the remote"
        )
        return msgspec.structs.replace(made, status=Status.FAIL, stopped=why)
    return msgspec.structs.replace(made, pushed=name)


def _propose(project: Project, target: Path, made: Retraining, page: str) -> None:
    """Copy the files for the commit."""
    base, _ = git.head(project.root)
    title = f"Retrain {made.name} with {made.rows:,} new rows"
    text = proposal.Text(base, title, page)
    proposal.write(project.root, target, text, git.changed_files(project.root))
