"""The commands that look at production: what was scored, how it differs, and what to do."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import REFUSED, UNDECIDED, Commands, project, show_result

if TYPE_CHECKING:
    from sluice.verdict import Verdict

_CACHE = Path("out/monitor/cache")


def add(commands: Commands) -> None:
    """Add `monitor` and its commands to the command line."""
    monitor = commands.group("monitor", "look at what a model did in production")
    status = "exit status 0: pass, 1: fail, 3: too little evidence"
    drift = monitor.add(
        "drift", _drift, f"compare the model's inputs and scores with training; {status}"
    )
    _add_log(drift)


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
    cache = f"the folder for summaries of files that do not change any more; default: {_CACHE}"
    command.add_argument("--cache", type=Path, default=_CACHE, metavar="FOLDER", help=cache)
    command.add_argument("--json", action="store_true", help="print the verdict as JSON")


def _drift(options: argparse.Namespace) -> int:
    from sluice.monitor import run

    with run.looking(_package(options.package), options.log, options.until, options.cache) as look:
        return _show(look.drift(), as_json=options.json)


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
