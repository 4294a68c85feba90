"""The commands of `sluice`, one file for each group, and what they share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import text
from sluice.errors import SluiceError, describe

if TYPE_CHECKING:
    from sluice.project import Project

# The exit status of a command: a gate refused, an error stopped it, there is too little evidence
# to decide, it was interrupted, or nobody reads its output any more (the signal SIGPIPE in shells).
REFUSED, TROUBLE, UNDECIDED, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 130, 141
_LONGEST = 4_000
# The help text of --repo, and of a version.
REPOSITORY = "the repository on GitHub; default: that of git's remote origin"
VERSION = "the version, as in the name of its release"

Command = Callable[[argparse.Namespace], int]


class Commands:
    """The commands of `sluice` itself, or of one of its groups, such as `sluice package`."""

    def __init__(self, parser: argparse.ArgumentParser, title: str) -> None:
        self._parsers = parser.add_subparsers(required=True, metavar=title)

    def add(self, name: str, command: Command, meaning: str) -> argparse.ArgumentParser:
        """Add a command; `command` runs it and returns the exit status."""
        added = self._parsers.add_parser(name, help=meaning, description=meaning)
        added.set_defaults(command=command)
        return added

    def group(self, name: str, meaning: str) -> Commands:
        """Add a command that has subcommands."""
        return Commands(self._parsers.add_parser(name, help=meaning, description=meaning), "ACTION")


def say(line: str, status: int) -> int:
    """Print one line to standard error and return the exit status."""
    sys.stderr.write(f"sluice: {one_line(line)}\n")
    return status


def show(line: str) -> None:
    """Print one line to standard output, with its indentation."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    print(f"{indent}{one_line(line)}", flush=True)


def show_result(name: str, status: str, why: str) -> None:
    """Print a verdict or a finding as one line."""
    print(f"  {status:<13} {one_line(f'{name}: {why}')}")


def one_line(message: str) -> str:
    """Return the text as one line that is safe to print, whoever wrote it.

    The line moves no cursor, and a GitHub runner does not read it as a command (`##[...]`).
    """
    return text.clip(text.one_line(message).replace("##[", "# ["), _LONGEST)


def in_words(error: Exception) -> str:
    """The error in one line, with a hint if it is not one of the expected errors."""
    line = describe(error)
    if isinstance(error, (SluiceError, OSError)):
        return line
    return f"{line} (unexpected: run it with --debug to see where)"


def project() -> Project:
    """The project in the current folder."""
    from sluice.project import Project

    return Project(Path())


def add_download(command: argparse.ArgumentParser, out: Path, kind: str) -> None:
    """Add the options --out and --repo. out: the default. kind: FILE or FOLDER."""
    place = f"where to put it; default: {out}"
    command.add_argument("--out", type=Path, default=out, metavar=kind, help=place)
    command.add_argument("--repo", metavar="OWNER/NAME", help=REPOSITORY)


def add_engine(command: argparse.ArgumentParser, meaning: str) -> None:
    """Add the options that `spark_master` reads. meaning: of --engine."""
    command.add_argument("--engine", choices=["local", "spark"], default="local", help=meaning)
    master = "URL of the Spark master, such as spark://host:7077"
    command.add_argument("--master", metavar="URL", help=master)


def spark_master(options: argparse.Namespace) -> str | None:
    """The URL of the Spark cluster to use; None for this machine."""
    if (options.engine == "spark") != bool(options.master):
        raise SluiceError("--engine spark and --master URL must be given together")
    master: str | None = options.master
    return master
