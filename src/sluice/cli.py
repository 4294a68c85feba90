"""The command line: one command a capability, and what a person reads when it fails."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from typing import NoReturn

from sluice import __version__
from sluice.commands import (
    INTERRUPTED,
    TROUBLE,
    Commands,
    approval,
    champion,
    delivery,
    github,
    in_words,
    package,
    pipeline,
    say,
    serving,
    staging,
)

# Sums must come out in one order on every machine, whatever its number of cores.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

# The libraries of a stage are hundreds of thousands of objects, and none of them is garbage.
_LOOK_FOR_GARBAGE_AT = 50_000


def process() -> NoReturn:
    """`main` as a process of its own, which is over before collecting garbage would pay."""
    gc.set_threshold(_LOOK_FOR_GARBAGE_AT)
    try:
        status = main()
    finally:
        gc.freeze()
    sys.exit(status)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.debug:
        os.environ["SLUICE_DEBUG"] = "1"
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        return say("interrupted; run it again to go on from the last finished stage", INTERRUPTED)
    except Exception as error:
        if os.environ.get("SLUICE_DEBUG"):
            raise
        return say(in_words(error), TROUBLE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "sluice", description="From versioned data to a delivery package, through gates that gate."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show traces of errors")
    commands = Commands(parser, "COMMAND")
    pipeline.add(commands)
    package.add(commands)
    serving.add(commands)
    staging.add(commands)
    champion.add(commands)
    delivery.add(commands)
    approval.add(commands)
    github.add(commands)
    pipeline.add_stages(commands)
    return parser


if __name__ == "__main__":
    process()
