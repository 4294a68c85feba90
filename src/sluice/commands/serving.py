"""Scoring from a package: real time, files, and the log."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import INTERRUPTED, REFUSED, Commands, say
from sluice.errors import SluiceError
from sluice.serve import settings
from sluice.serve.batch import BATCH_ROWS

if TYPE_CHECKING:
    from sluice.serve.batch.local import BatchResult

_PACKAGE = "a package file, or the folder that it is unpacked in"


def add(commands: Commands) -> None:
    serve = commands.add("serve", _serve, "score requests over HTTP from a package")
    serve.add_argument("package", type=Path, help=_PACKAGE)
    settings.add_arguments(serve)

    score = commands.add("score", _score, "score files with a package, in batches")
    score.add_argument("package", type=Path, help=_PACKAGE)
    score.add_argument("input", help="a Parquet, CSV or Arrow file, a folder of them, or a glob")
    score.add_argument("output", type=Path, help="a Parquet file; with Spark a folder of them")
    score.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column to carry over to the output; may be given again",
    )
    quarantine = "where refused rows go (OUTPUT's stem + .quarantine.parquet)"
    score.add_argument("--quarantine", type=Path, help=quarantine)
    score.add_argument("--engine", choices=["local", "spark"], default="local")
    score.add_argument("--master", metavar="URL", help="Spark's master, such as spark://host:7077")
    score.add_argument("--batch-rows", type=_positive, default=BATCH_ROWS, metavar="N")

    log = commands.group("log", "the scoring log: show it, or turn it into Parquet")
    show = log.add("show", _log_show, "print every record as a line of JSON")
    compact = log.add("compact", _log_compact, "turn segments that have no writer into Parquet")
    for look in (show, compact):
        look.add_argument("folder", type=Path)


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
    if options.engine == "local" and options.master:
        raise SluiceError("--master goes with --engine spark")
    if options.engine == "spark":
        from sluice.serve.batch import spark

        given["master"] = options.master
        run: Callable[..., BatchResult] = spark.run
    else:
        from sluice.serve.batch import local

        run = local.run
    try:
        result = run(options.package, options.input, options.output, **given)
    except KeyboardInterrupt:
        return say("interrupted; nothing was written", INTERRUPTED)
    if result.refused:
        return say(
            f"{result.refused:,} of {result.rows:,} rows refused; "
            f"{result.quarantine} holds each with its reason",
            REFUSED,
        )
    print(f"{result.rows:,} rows scored: {options.output}")
    return 0


def _log_show(options: argparse.Namespace) -> int:
    import msgspec

    from sluice.scoring_log.reader import read

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads on may stop
    for record in read(options.folder):
        sys.stdout.buffer.write(msgspec.json.encode(record) + b"\n")
    return 0


def _log_compact(options: argparse.Namespace) -> int:
    from sluice.scoring_log.compact import compact

    for path in compact(options.folder):
        print(path)
    return 0
