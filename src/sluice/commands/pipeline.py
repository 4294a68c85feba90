"""From data to verdicts: the pipeline, and its stages one by one."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from sluice.commands import (
    REFUSED,
    Command,
    Commands,
    in_words,
    project,
    say,
    show,
    show_judged,
)
from sluice.errors import SluiceError


def add(commands: Commands) -> None:
    run = commands.add("run", _run, "reproduce the pipeline with all gates, and write the report")
    add_beside(run)

    adopt = commands.add("adopt", _adopt, "replace the example by your own data")
    adopt.add_argument("file", type=Path, help="a CSV or Parquet file")
    adopt.add_argument("--target", required=True, metavar="COLUMN", help="what to predict")
    adopt.add_argument("--id", metavar="COLUMN", help="what names a row")
    adopt.add_argument(
        "--sensitive",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column to audit for fairness; may be given again",
    )


def add_stages(commands: Commands) -> None:
    check = commands.add("check", _check, "one gate of the pipeline")
    check.add_argument("gate")
    split = "one stage: train, validation, holdout, latest"
    commands.add("split", stage("sluice.train.split"), split)
    fit = stage("sluice.train.fit", "name")
    train = commands.add("train", fit, "one stage: fit a candidate")
    train.add_argument("name", metavar="CANDIDATE")
    commands.add("select", stage("sluice.train.select"), "one stage: choose the candidate")
    commands.add("export", stage("sluice.train.export"), "one stage: write the executable model")


def stage(module: str, *names: str) -> Command:
    """A stage that DVC runs; what stops it is left for the report to name."""

    def command(options: argparse.Namespace) -> int:
        here = project()
        given = [getattr(options, name) for name in names]
        try:
            importlib.import_module(module).run(here, *given)
        except Exception as error:
            here.out.mkdir(exist_ok=True)
            with here.trouble.open("a", encoding="utf-8") as trouble:
                trouble.write(f"{module.rpartition('.')[2]}: {in_words(error)}\n")
            raise
        return 0

    return command


def add_beside(run: argparse.ArgumentParser) -> None:
    """What the candidate is shown and judged beside."""
    run.add_argument("--base", type=Path, help="report.json to show changes against")
    champion = "a package, or the folder of 'sluice champion fetch': the candidate must hold up"
    run.add_argument("--champion", type=Path, metavar="PATH", help=champion)
    against = "the revision a contribution starts from: show what it changes of the bounds"
    run.add_argument("--against", metavar="REVISION", help=against)
    locked = "believe no dvc.lock, and refuse when the committed one is not what comes out"
    run.add_argument("--locked", action="store_true", help=locked)


def reproduce(options: argparse.Namespace) -> bool:
    """Run the pipeline and say what the gates said, and where to read on."""
    from sluice.pipeline import run as pipeline
    from sluice.report import wording

    here = project()
    beside = pipeline.Beside(options.base, options.champion, options.against)
    conclusion = pipeline.run(here, beside, locked=options.locked)
    print()
    for verdict in conclusion.verdicts:
        show_judged(verdict.gate, verdict.status, verdict.why)
    print(f"\nreport: {here.report / 'report.html'}")
    if not conclusion.releasable:
        say("refused: no package; the report says why", REFUSED)
    if conclusion.stale_lock:
        say(f"refused: {wording.STALE_LOCK}", REFUSED)
    return conclusion.releasable and not conclusion.stale_lock


def _run(options: argparse.Namespace) -> int:
    return 0 if reproduce(options) else REFUSED


def _check(options: argparse.Namespace) -> int:
    from sluice import gates
    from sluice.check.run import run

    if options.gate not in gates.GATES:
        raise SluiceError(f"no gate {options.gate!r}; there are {', '.join(gates.GATES)}")
    verdict = run(project(), options.gate)
    show(f"{verdict.gate}: {verdict.status.value}: {verdict.why}")
    return 0 if verdict.passes else REFUSED


def _adopt(options: argparse.Namespace) -> int:
    from sluice.adopt import adopt

    adopt(
        Path(),
        options.file,
        target=options.target,
        id=options.id,
        sensitive=options.sensitive,
        say=print,
    )
    return 0
