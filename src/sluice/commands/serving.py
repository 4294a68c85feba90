"""The commands that score with a package, and those that read the scoring log."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import INTERRUPTED, REFUSED, Commands, add_engine, say, spark_master
from sluice.serve import settings
from sluice.serve.batch import BATCH_ROWS

if TYPE_CHECKING:
    from sluice.serve.batch.output import BatchResult

_PACKAGE = "a package file, or the folder with its unpacked content"


def add(commands: Commands) -> None:
    """Add `serve`, `score` and `log` to the command line."""
    serve = commands.add("serve", _serve, "serve a package's model over HTTP")
    serve.add_argument("package", type=Path, help=_PACKAGE)
    settings.add_arguments(serve)

    score = commands.add("score", _score, "score the rows of files with a package's model")
    score.add_argument("package", type=Path, help=_PACKAGE)
    score.add_argument(
        "input", help="a Parquet, CSV or Arrow file, a folder of them, or a quoted glob pattern"
    )
    score.add_argument(
        "output", type=Path, help="the Parquet file to write; with Spark, a folder of Parquet files"
    )
    score.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="copy this column to the output; can be given several times",
    )
    quarantine = (
        "the Parquet file for refused rows (default: beside OUTPUT, with .quarantine in its name)"
    )
    score.add_argument("--quarantine", type=Path, metavar="FILE", help=quarantine)
    add_engine(score, "score on this machine, or on a Spark cluster (default: local)")
    score.add_argument(
        "--batch-rows",
        type=_positive,
        default=BATCH_ROWS,
        metavar="N",
        help=f"rows to score at a time (default: {BATCH_ROWS})",
    )

    log = commands.group("log", "show the scoring log, or convert it to Parquet")
    show = log.add("show", _log_show, "print all records, one line of JSON each")
    compact = log.add("compact", _log_compact, "convert the segments that are complete to Parquet")
    for command in (show, compact):
        command.add_argument("folder", type=Path, help="the folder of the scoring log")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _serve(options: argparse.Namespace) -> int:
    from sluice.serve.supervisor import serve

    chosen = settings.from_arguments(options)
    serve(options.package, chosen, lambda line: print(line, file=sys.stderr))
    return 0


def _score(options: argparse.Namespace) -> int:
    given = {
        "keep": options.keep,
        "quarantine": options.quarantine,
        "batch_rows": options.batch_rows,
    }
    if master := spark_master(options):
        from sluice.serve.batch import spark

        run: Callable[..., BatchResult] = partial(spark.run, master=master)
    else:
        from sluice.serve.batch import local

        run = local.run
    try:
        result = run(options.package, options.input, options.output, **given)
    except KeyboardInterrupt:
        return say("interrupted; nothing was written", INTERRUPTED)
    if result.refused:
        return say(
            f"{result.refused:,} of {result.rows:,} rows were refused; "
            f"{result.quarantine} lists each with the reason",
            REFUSED,
        )
    print(f"{result.rows:,} rows were scored: {options.output}")
    return 0


def _log_show(options: argparse.Namespace) -> int:
    import msgspec

    from sluice.scoring_log.reader import read

    for record in read(options.folder):
        sys.stdout.buffer.write(msgspec.json.encode(record) + b"\n")
    return 0


def _log_compact(options: argparse.Namespace) -> int:
    from sluice.scoring_log.compact import compact

    for path in compact(options.folder):
        print(path)
    return 0
