"""The package of the binary fixture project, and the commands that monitor a log with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.fixture_project import Ran, Toy
from support.monitor import END, Logged

Monitor = Callable[..., Ran]


@pytest.fixture(scope="session")
def green(built: Callable[[str], Toy]) -> Toy:
    """The binary fixture project with its package, which tests must not change."""
    return built("binary")


@pytest.fixture(scope="session")
def logged(green: Toy) -> Logged:
    """The model of that package, as the log names it."""
    return Logged.of(green)


@pytest.fixture
def monitor(green: Toy, command_line: CommandLine, tmp_path: Path) -> Monitor:
    """`monitor("drift", log)` runs the command up to the last day of the logs."""

    def run(command: str, log: Path | str, *more: str) -> Ran:
        given = ["--package", str(green.package), "--cache", str(tmp_path / "cache")]
        return command_line.run(
            green.root, "monitor", command, str(log), *given, "--until", str(END), *more
        )

    return run
