"""The commands that look at production: what was scored, how it differs, and what to do."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import REFUSED, UNDECIDED, Commands, project, show, show_result

if TYPE_CHECKING:
    from sluice.monitor.run import Look
    from sluice.verdict import Verdict

_OUT = Path("out/monitor")
_CACHE = _OUT / "cache"


def add(commands: Commands) -> None:
    """Add `monitor` and its commands to the command line."""
    monitor = commands.group("monitor", "look at what a model did in production")
    status = "exit status 0: pass, 1: fail, 3: too little evidence"
    run = monitor.add(
        "run", _run, f"run all monitors, decide whether to train again, and report; {status}"
    )
    _add_log(run)
    _add_labels(run, required=False)
    run.add_argument("--out", type=Path, default=_OUT, metavar="FOLDER", help=f"default: {_OUT}")
    drift = monitor.add(
        "drift", _drift, f"compare the model's inputs and scores with training; {status}"
    )
    _add_log(drift)
    truth = monitor.add(
        "truth", _truth, f"measure performance with the outcomes that became known; {status}"
    )
    _add_log(truth)
    _add_labels(truth, required=True)
    log = monitor.add(
        "log", _log, f"say what each version and host has scored, and what is damaged; {status}"
    )
    _add_log(log)

    decide = monitor.add(
        "decide",
        _decide,
        "decide whether to train again; exit status 0: keep the model, 1: train again or look at "
        "it, 3: too little is known",
    )
    _add_log(decide)
    _add_labels(decide, required=False)

    rehearse = monitor.add(
        "rehearse", _rehearse, "play a year of production, to see when each monitor says what"
    )
    package = "the package to play; default: the newest in dist/"
    rehearse.add_argument("--package", type=Path, metavar="FILE", help=package)
    rehearse.add_argument("--days", type=int, default=364, help="default: 364")
    rehearse.add_argument("--rows", type=int, default=500, help="on an average day; default: 500")
    out = Path("out/rehearsal")
    rehearse.add_argument("--out", type=Path, default=out, metavar="FOLDER", help=f"default: {out}")


def _add_labels(command: argparse.ArgumentParser, *, required: bool) -> None:
    labels = (
        "a CSV or Parquet file with the columns id, truth and known_at (when the truth became "
        "known); it may have the sensitive columns too"
    )
    command.add_argument("--labels", type=Path, required=required, metavar="FILE", help=labels)


def _add_log(command: argparse.ArgumentParser) -> None:
    log = (
        "the scoring log, or results of 'sluice score': a folder, a file, a quoted glob pattern or "
        "a URL such as s3://bucket/log"
    )
    command.add_argument("log", metavar="LOG", help=log)
    package = "the package that is monitored; default: the newest in dist/"
    command.add_argument("--package", type=Path, metavar="FILE", help=package)
    until = "the last day to look at, such as 2026-11-26; default: the last complete day"
    command.add_argument("--until", type=date.fromisoformat, metavar="DATE", help=until)
    train = "the training rows, for a classifier; default: those of this project, if they are here"
    command.add_argument("--train", type=Path, metavar="FILE", help=train)
    cache = f"the folder for summaries of files that do not change any more; default: {_CACHE}"
    command.add_argument("--cache", type=Path, default=_CACHE, metavar="FOLDER", help=cache)
    command.add_argument("--json", action="store_true", help="print the verdict as JSON")


def _run(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.monitor.report.whole import report
    from sluice.verdict import Status

    with _looking(options) as look:
        made = report(look, options.labels, project(), options.out)
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
    with _looking(options) as look:
        return _show(look.truth(options.labels)[0], as_json=options.json)


def _log(options: argparse.Namespace) -> int:
    from sluice.monitor import log, tables

    with _looking(options) as look:
        if not options.json:
            for line in tables.of_sources(log.sources(look.summaries)):
                print(line)
        return _show(look.log(), as_json=options.json)


def _decide(options: argparse.Namespace) -> int:
    with _looking(options) as look:
        judged, facts = look.truth(options.labels) if options.labels else (None, None)
        decision = look.decision(judged, facts, project())
        return _show(decision.verdict(), as_json=options.json)


def _rehearse(options: argparse.Namespace) -> int:
    from sluice.monitor.rehearse import play
    from sluice.monitor.rehearse.traffic import Script

    days = options.days
    script = Script(
        days=days,
        rows=options.rows,
        drift=(days * 5 // 13, days * 7 // 13),
        concept=days * 9 // 13,
    )
    played = play.play(project(), _package(options.package), options.out, script)
    for line in play.lines(played):
        print(line)
    return 0


def _looking(options: argparse.Namespace) -> AbstractContextManager[Look]:
    from sluice.monitor import run

    package = _package(options.package)
    training = run.training_rows(package, options.train, project().split("train"))
    return run.looking(package, options.log, options.until, options.cache, training)


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
