"""Commands for your own data, for the complete pipeline and for single stages."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path

from sluice.commands import (
    REFUSED,
    Command,
    Commands,
    add_engine,
    in_words,
    project,
    say,
    show,
    show_result,
    spark_master,
)
from sluice.errors import SluiceError

_ENGINE = "where the models of segments are fitted; spark is for many segments"


def add(commands: Commands) -> None:
    run = commands.add("run", _run, "run the pipeline with all gates and write the report")
    add_run_options(run)

    adopt = commands.add(
        "adopt",
        _adopt,
        "replace the example with your own data and derive the bounds of the gates from it",
    )
    adopt.add_argument("file", type=Path, nargs="?", help="a CSV or Parquet file with a header")
    again = "derive the bounds of the adopted data again, and keep what you set in params.yaml"
    adopt.add_argument("--again", action="store_true", help=again)
    adopt.add_argument("--target", metavar="COLUMN", help="the column to predict")
    adopt.add_argument("--id", metavar="COLUMN", help="the column that identifies a row")
    adopt.add_argument(
        "--sensitive",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column whose groups are compared for fairness; can be given several times",
    )
    suspects = (
        "use columns that may leak the target; the gates then require you to accept them by name"
    )
    adopt.add_argument("--keep-suspects", action="store_true", help=suspects)
    adopt.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN=WORD",
        help="a word such as NA that is a value of this column and not missing; can be given "
        "several times",
    )
    group = (
        "the column that names the customer, patient or household of each row; 'none' if rows are "
        "independent"
    )
    adopt.add_argument("--group", metavar="COLUMN", help=group)
    time = "a column of dates or numbers: train on older rows and test on newer ones"
    adopt.add_argument("--by-time", metavar="COLUMN", help=time)
    segments = "the column whose values, such as stores or countries, get models of their own"
    adopt.add_argument("--segments", metavar="COLUMN", help=segments)
    derive = "add the month, the weekday and the age in days of every date as columns"
    adopt.add_argument("--derive-dates", action="store_true", help=derive)
    drop = "leave out rows without a value of the target"
    adopt.add_argument("--drop-missing-target", action="store_true", help=drop)


def add_stages(commands: Commands) -> None:
    """Add the commands of the stages, which DVC runs."""
    check = commands.add("check", _check, "run one gate")
    check.add_argument("gate", help="the name of the gate, such as fairness")
    split = "one stage: split the data into train, validation, holdout and latest rows"
    commands.add("split", _split, split)
    train = commands.add("train", _train, "one stage: fit a candidate")
    train.add_argument("candidate", help="the name of the candidate in params.yaml")
    add_engine(train, _ENGINE)
    select = stage("select", "sluice.train.select")
    commands.add("select", select, "one stage: select the best candidate")
    export = stage("export", "sluice.train.export")
    commands.add("export", export, "one stage: export the selected candidate as ONNX")


def _train(options: argparse.Namespace) -> int:
    from sluice.pipeline.train_on_spark import MASTER

    options.master = spark_master(options) or os.environ.get(MASTER)
    if options.master:
        fit = stage("train", "sluice.pipeline.train_on_spark", "candidate", "master")
    else:
        fit = stage("train", "sluice.train.candidate", "candidate")
    return fit(options)


def _split(options: argparse.Namespace) -> int:
    from sluice.files import read_json

    status = stage("split", "sluice.train.split")(options)
    sampled = project().sampled
    if sampled.is_file():
        known = read_json(sampled)
        print(
            f"the train part is a sample of {known['train']:,} of {known['of']:,} rows, as "
            "split.train_rows in params.yaml says"
        )
    return status


def stage(name: str, module: str, *arguments: str) -> Command:
    """Return the command of a stage that DVC runs. The command records an error for the report.
    name: the name of the stage in dvc.yaml. module: has the function `run`, which takes the project
    and these arguments of the command line.
    """

    def command(options: argparse.Namespace) -> int:
        here = project()
        given = [getattr(options, argument) for argument in arguments]
        try:
            importlib.import_module(module).run(here, *given)
        except Exception as error:
            here.out.mkdir(exist_ok=True)
            with here.trouble.open("a", encoding="utf-8") as trouble:
                trouble.write(f"{name}: {in_words(error)}\n")
            raise
        return 0

    return command


def add_run_options(run: argparse.ArgumentParser) -> None:
    """Add the options that `reproduce` reads."""
    base = "an earlier report.json: show what has changed since"
    run.add_argument("--base", type=Path, metavar="FILE", help=base)
    champion = "a package, or the folder of 'sluice champion fetch': compare the candidate with it"
    run.add_argument("--champion", type=Path, metavar="PATH", help=champion)
    attempts = "the file of 'sluice attempts fetch': count the models of other runs of CI as well"
    run.add_argument("--attempts", metavar="FILE", help=attempts)
    against = "the git revision that a branch is based on: show which thresholds the branch changes"
    run.add_argument("--against", metavar="REVISION", help=against)
    locked = "ignore dvc.lock; fail if the regenerated one differs from the committed one"
    run.add_argument("--locked", action="store_true", help=locked)
    unconfined = (
        "run the code in src/usecase unconfined, on a machine without Landlock; the package "
        "records it and cannot be released"
    )
    run.add_argument("--unconfined", action="store_true", help=unconfined)
    add_engine(run, _ENGINE)
    run.set_defaults(
        interrupted="interrupted: run it again to continue after the last finished stage"
    )


def reproduce(options: argparse.Namespace) -> bool:
    """Run the pipeline, print the verdicts and the report's path; return whether all passed."""
    from sluice.pipeline import run as pipeline
    from sluice.report import wording

    here = project()
    attempts = Path(options.attempts) if options.attempts else None
    comparisons = pipeline.Comparisons(options.base, options.champion, options.against, attempts)
    if options.locked and options.unconfined:
        raise SluiceError(
            "--unconfined and --locked exclude each other: --locked builds packages "
            "that can be released"
        )
    master = spark_master(options)
    if options.locked and master:
        raise SluiceError(
            "--engine spark and --locked exclude each other: --locked uses only libraries that "
            "were compared with the locks, and those of the workers are not"
        )
    conclusion = pipeline.run(
        here, comparisons, locked=options.locked, unconfined=options.unconfined, master=master
    )
    print()
    for verdict in conclusion.verdicts:
        show_result(verdict.gate, verdict.status, verdict.why)
    print(f"\nreport: {here.report / 'report.html'}")
    if not conclusion.releasable:
        say("refused: no package was built; the report says why", REFUSED)
    elif conclusion.to_commit and not options.locked:
        files = conclusion.to_commit
        print(f"not committed yet: {' and '.join(files)}; run 'git add {' '.join(files)}'")
    if conclusion.stale_lock:
        say(f"refused: {wording.STALE_LOCK}", REFUSED)
    return conclusion.releasable and not conclusion.stale_lock


def _run(options: argparse.Namespace) -> int:
    return 0 if reproduce(options) else REFUSED


def _check(options: argparse.Namespace) -> int:
    from sluice import gates
    from sluice.check.run import run

    if options.gate not in gates.GATES:
        raise SluiceError(f"no gate {options.gate!r}: expected one of {', '.join(gates.GATES)}")
    verdict = run(project(), options.gate)
    show(f"{verdict.gate}: {verdict.status.value}: {verdict.why}")
    return 0 if verdict.passes else REFUSED


def _adopt(options: argparse.Namespace) -> int:
    from sluice.adopt import adopt, adopt_again

    if options.again:
        others = ("file", "target", "id", "sensitive", "keep", "group", "by_time", "segments")
        switches = ("derive_dates", "drop_missing_target")
        if any(getattr(options, name) for name in (*others, *switches)):
            raise SluiceError(
                "--again reads the file and the roles of its columns from params.yaml: change them "
                "there, and combine it only with --keep-suspects"
            )
        adopt_again(Path(), keep_suspects=options.keep_suspects, say=print)
        return 0
    if options.file is None or options.target is None:
        raise SluiceError("give the file to adopt and its --target, or --again")
    adopt(
        Path(),
        options.file,
        target=options.target,
        id=options.id,
        sensitive=options.sensitive,
        keep_suspects=options.keep_suspects,
        keep=options.keep,
        group=options.group,
        by_time=options.by_time,
        segments=options.segments,
        derive_dates=options.derive_dates,
        drop_missing_target=options.drop_missing_target,
        say=print,
    )
    return 0
