"""The commands, one file a room: what can be typed, and which function answers it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.project import Project

REFUSED, TROUBLE, INTERRUPTED = 1, 2, 130
_LONGEST = 4_000

Command = Callable[[argparse.Namespace], int]


class Commands:
    """Where a room adds its commands, or a group of them."""

    def __init__(self, parser: argparse.ArgumentParser, title: str) -> None:
        self._parsers = parser.add_subparsers(required=True, metavar=title)

    def add(self, name: str, command: Command, meaning: str) -> argparse.ArgumentParser:
        added = self._parsers.add_parser(name, help=meaning, description=meaning)
        added.set_defaults(command=command)
        return added

    def group(self, name: str, meaning: str) -> Commands:
        return Commands(self._parsers.add_parser(name, help=meaning, description=meaning), "ACTION")


def say(line: str, status: int) -> int:
    sys.stderr.write(f"sluice: {one_line(line)}\n")
    return status


def show(line: str) -> None:
    indent = line[: len(line) - len(line.lstrip(" "))]
    print(f"{indent}{one_line(line)}", flush=True)


def show_judged(name: str, status: str, why: str) -> None:
    print(f"  {status:<13} {one_line(f'{name}: {why}')}")


def one_line(text: str) -> str:
    """Text of anybody's as one line that moves no cursor and that no runner takes for a command."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(plain.split()).replace("##[", "# [")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


def in_words(error: Exception) -> str:
    if isinstance(error, (SluiceError, OSError)):
        return str(error)
    return f"{type(error).__name__}: {error} (unexpected; --debug shows where)"


def project() -> Project:
    from pathlib import Path

    from sluice.project import Project

    return Project(Path())
