"""The command line: it runs one command and prints an error as one line."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import select
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from sluice import __version__
from sluice.commands import (
    BROKEN_PIPE,
    INTERRUPTED,
    TROUBLE,
    Commands,
    approval,
    attempts,
    champion,
    delivery,
    github,
    in_words,
    monitor,
    package,
    pipeline,
    rollout,
    say,
    serving,
    staging,
)

# With one thread, sums are computed in the same order on every machine, so results are equal.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

# Imports create hundreds of thousands of objects, none of them garbage; searching them costs time.
_COLLECT_GARBAGE_AT = 50_000


# What adds each command, in the order of the help. To add all of them takes longer than many
# commands need.
_ADD = {
    **dict.fromkeys(("run", "adopt"), pipeline.add),
    "package": package.add,
    **dict.fromkeys(("serve", "score", "log"), serving.add),
    "staging": staging.add,
    "champion": champion.add,
    "attempts": attempts.add,
    "delivery": delivery.add,
    "approval": approval.add,
    "rollout": rollout.add,
    "monitor": monitor.add,
    "github": github.add,
    **dict.fromkeys(("check", "split", "train", "select", "export"), pipeline.add_stages),
}


def process() -> NoReturn:
    """Run `main` and end the process with its exit status, without a last garbage collection."""
    gc.set_threshold(_COLLECT_GARBAGE_AT)
    status: object = TROUBLE
    try:
        status = main()
    except SystemExit as ended:  # argparse, after --help or a wrong option
        status = ended.code
    finally:
        gc.freeze()
        if _is_output_closed() and not status:
            status = BROKEN_PIPE
    sys.exit(status)


def _is_output_closed() -> bool:
    """Whether nobody reads the output any more, as with `| head`; the rest is then discarded."""
    closed = False
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
        if _is_unread(stream):
            # Python flushes again at its end, and would print an error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            closed = True
    return closed


def _is_unread(stream: TextIO) -> bool:
    """Whether the stream is a pipe whose other end is closed."""
    waiting = select.poll()
    try:
        waiting.register(stream.fileno(), 0)  # poll() reports errors without being asked to
    except io.UnsupportedOperation:  # the stream is in memory
        return False
    return any(event & select.POLLERR for _, event in waiting.poll(0))


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; `arguments` are those of the process by default.

    SIGTERM, and the end of its terminal, interrupt it like Ctrl-C. With --debug, an unexpected
    error is raised.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(words).parse_args(words)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    if options.debug:
        os.environ["SLUICE_DEBUG"] = "1"
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        return say(options.interrupted, INTERRUPTED)
    except BrokenPipeError as error:
        return BROKEN_PIPE if _is_output_closed() else say(in_words(error), TROUBLE)
    except Exception as error:
        if os.environ.get("SLUICE_DEBUG"):
            raise
        return say(in_words(error), TROUBLE)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these words of a command line. If they name a group of commands, it has only
    the commands of that group.
    """
    parser = argparse.ArgumentParser(
        "sluice",
        description="Train, check, package and release a model; every step must pass its gates.",
    )
    parser.set_defaults(interrupted="interrupted")  # what a command says after Ctrl-C
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = Commands(parser, "COMMAND")
    named = next((word for word in words if not word.startswith("-")), "")
    for add in [_ADD[named]] if named in _ADD else dict.fromkeys(_ADD.values()):
        add(commands)
    return parser


if __name__ == "__main__":
    process()
