"""The monitoring commands: what was scored, how it differs from training, and what to do."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import (
    REFUSED,
    UNDECIDED,
    Commands,
    add_engine,
    project,
    show,
    show_result,
    spark_master,
)
from sluice.monitor.places import local_copy

if TYPE_CHECKING:
    from sluice.monitor.run import Look
    from sluice.verdict import Verdict

_OUT = Path("out/monitor")
_CACHE = _OUT / "cache"
_REHEARSED = "rehearsal.html"


def add(commands: Commands) -> None:
    """Add `monitor` and its commands to the command line."""
    monitor = commands.group("monitor", "monitor a model in production")
    status = "exit status 0: pass, 1: fail, 3: too little evidence"
    run = monitor.add(
        "run", _run, f"run all monitors, decide whether to retrain, and report; {status}"
    )
    _add_log(run)
    _add_labels(run, required=False)
    run.add_argument(
        "--out",
        type=Path,
        default=_OUT,
        metavar="FOLDER",
        help=f"the folder of the report; default: {_OUT}",
    )
    drift = monitor.add(
        "drift", _drift, f"compare the model's inputs and scores with training; {status}"
    )
    _add_log(drift)
    truth = monitor.add(
        "truth", _truth, f"measure performance with the true outcomes known so far; {status}"
    )
    _add_log(truth)
    _add_labels(truth, required=True)
    log = monitor.add(
        "log",
        _log,
        f"show what each version and host has scored, and which log files are damaged; {status}",
    )
    _add_log(log)

    decide = monitor.add(
        "decide",
        _decide,
        "decide whether to retrain; exit status 0: keep the model, 1: retrain or investigate, 3: "
        "too little evidence",
    )
    _add_log(decide)
    _add_labels(decide, required=False)

    _add_retrain(monitor)

    rehearse = monitor.add(
        "rehearse",
        _rehearse,
        "simulate a year of production, to see what each monitor reports and when",
    )
    package = "the package to simulate; default: the newest in dist/"
    rehearse.add_argument("--package", type=Path, metavar="FILE", help=package)
    rehearse.add_argument(
        "--days", type=int, default=364, help="how many days to simulate; default: 364"
    )
    rehearse.add_argument(
        "--rows",
        type=int,
        default=500,
        help="rows on an average day; default: 500",
    )
    out = Path("out/rehearsal")
    written = f"the folder of the log and the report; default: {out}"
    rehearse.add_argument("--out", type=Path, default=out, metavar="FOLDER", help=written)


def _add_retrain(monitor: Commands) -> None:
    retrain = monitor.add(
        "retrain",
        _retrain,
        "decide whether to retrain; if so, add the new labelled rows to the data, run the "
        "pipeline, compare both models on new rows, and write a proposal; exit status 0: the "
        "model is kept or a proposal was written, 1: a person must look at it, 3: too little "
        "evidence",
    )
    log = "the scoring log; default: monitor.log in params.yaml"
    retrain.add_argument("log", metavar="LOG", nargs="?", help=log)
    labels = "the file of labels, or its URL; default: monitor.labels in params.yaml"
    retrain.add_argument("--labels", metavar="FILE", help=labels)
    champion = "the package in production, or the folder of 'sluice champion fetch'"
    retrain.add_argument("--champion", type=Path, metavar="PATH", required=True, help=champion)
    anyway = "retrain regardless of the rules, if the labels can be trusted"
    words = ["true", "false"]
    retrain.add_argument(
        "--anyway", nargs="?", const="true", default="false", choices=words, help=anyway
    )
    out = Path("out/retraining")
    written = f"the folder of the page and the proposal; default: {out}"
    retrain.add_argument("--out", type=Path, default=out, metavar="FOLDER", help=written)
    _add_window(retrain)


def _add_labels(command: argparse.ArgumentParser, *, required: bool) -> None:
    labels = (
        "a CSV or Parquet file, or its URL, with the columns id, truth and known_at (when the "
        "truth became known); it may also have the sensitive columns"
    )
    command.add_argument("--labels", required=required, metavar="FILE", help=labels)


def _add_log(command: argparse.ArgumentParser) -> None:
    log = (
        "the scoring log, or results of 'sluice score': a folder, a file, a quoted glob pattern or "
        "a URL such as s3://bucket/log"
    )
    command.add_argument("log", metavar="LOG", help=log)
    package = "the package that is monitored; default: the newest in dist/"
    command.add_argument("--package", type=Path, metavar="FILE", help=package)
    _add_window(command)
    command.add_argument("--json", action="store_true", help="print the verdict as JSON")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is not a date: expected one such as 2026-11-26"
        ) from None


def _add_window(command: argparse.ArgumentParser) -> None:
    until = "the last day to include, such as 2026-11-26; default: the last complete day"
    command.add_argument("--until", type=_day, metavar="DATE", help=until)
    train = (
        "the training rows, for the classifier that distinguishes production from training; "
        "default: those of this project, if present"
    )
    command.add_argument("--train", type=Path, metavar="FILE", help=train)
    cache = f"the folder for cached summaries of log files that no longer change; default: {_CACHE}"
    command.add_argument("--cache", type=Path, default=_CACHE, metavar="FOLDER", help=cache)
    engine = "where files are summarized; spark is for logs that are too large for one machine"
    add_engine(command, engine)


def _run(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.monitor.report.whole import report
    from sluice.verdict import Status

    with _labels(options) as labels, _looking(options, labels) as look:
        made = report(look, labels, project(), options.out)
    if options.json:
        print(files.encode_record(made).decode(), end="")
    else:
        for verdict in made.verdicts:
            show_result(verdict.gate, verdict.status, verdict.why)
        show(made.advice)
        show(f"{options.out / 'monitor.html'}")
    return {Status.PASS: 0, Status.FAIL: REFUSED, Status.INSUFFICIENT: UNDECIDED}[made.status]


def _drift(options: argparse.Namespace) -> int:
    with _looking(options) as look:
        return _show(look.drift(), as_json=options.json)


def _truth(options: argparse.Namespace) -> int:
    with local_copy(options.labels) as labels, _looking(options, labels) as look:
        return _show(look.truth(labels)[0], as_json=options.json)


def _log(options: argparse.Namespace) -> int:
    from sluice.monitor import log, tables

    with _looking(options) as look:
        if not options.json:
            for line in tables.of_sources(log.sources(look.summaries)):
                print(line)
        return _show(look.log(), as_json=options.json)


def _decide(options: argparse.Namespace) -> int:
    with _labels(options) as labels, _looking(options, labels) as look:
        judged, facts = look.truth(labels) if labels else (None, None)
        decision = look.decision(judged, facts, project())
        return _show(decision.verdict(), as_json=options.json)


def _retrain(options: argparse.Namespace) -> int:
    from sluice.monitor.retrain import run
    from sluice.verdict import Status

    configured = project().settings.monitor
    sources = run.Sources(
        options.log or configured.log,
        options.labels or configured.labels,
        options.champion,
        options.until,
        options.cache,
        options.train,
        spark_master(options),
        anyway=options.anyway == "true",
    )
    made = run.retrain(project(), sources, options.out, show)
    for verdict in made.verdicts:
        show_result(verdict.gate, verdict.status, verdict.why)
    show(f"{made.headline}: {made.stopped or made.decision.why}")
    show(f"{options.out / 'retraining.md'}")
    return {Status.PASS: 0, Status.FAIL: REFUSED, Status.INSUFFICIENT: UNDECIDED}[made.status]


def _rehearse(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.monitor.rehearse import page, play
    from sluice.monitor.rehearse.traffic import Script

    days = options.days
    script = Script(
        days=days,
        rows=options.rows,
        drift=(days * 5 // 13, days * 7 // 13),
        concept=days * 9 // 13,
    )
    package = _package(options.package)
    played = play.play(project(), package, options.out, script, say=show)
    for line in play.lines(played):
        print(line)
    files.write(options.out / _REHEARSED, page.as_html(played).encode())
    log, labels = options.out / "log", options.out / play.LABELS
    show(f"{options.out / _REHEARSED}")
    show(f"the last day as a report: sluice monitor run {log} --labels {labels}")
    return 0


def _labels(options: argparse.Namespace) -> AbstractContextManager[Path | None]:
    return local_copy(options.labels) if options.labels else nullcontext()


def _looking(
    options: argparse.Namespace, labels: Path | None = None
) -> AbstractContextManager[Look]:
    from sluice.monitor import run

    package = _package(options.package)
    training = run.training_rows(package, options.train, project().split("train"))
    return run.looking(
        package,
        options.log,
        options.until,
        options.cache,
        training,
        labels=labels,
        master=spark_master(options),
    )


def _package(given: Path | None) -> Path:
    from sluice.package import seal

    return given if given is not None else seal.newest(project().root / "dist")


def _show(verdict: Verdict, *, as_json: bool) -> int:
    from sluice import files
    from sluice.verdict import Status

    if as_json:
        print(files.encode_record(verdict).decode(), end="")
    else:
        for finding in reversed(verdict.findings):
            show_result(finding.name, finding.status, finding.why)
        show_result(verdict.gate, verdict.status, verdict.why)
    if verdict.passes:
        return 0
    return REFUSED if verdict.status is Status.FAIL else UNDECIDED
