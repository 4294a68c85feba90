"""Signals that would interrupt native code or the start of a server are delivered after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice import signals


@pytest.fixture(autouse=True)
def as_in_a_command() -> Iterator[None]:
    """Set the signal handlers that `sluice` sets for its commands."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, signal.default_int_handler)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_after_the_block(sent: int) -> None:
    reached = []

    def native_code() -> None:
        with signals.postponed():
            os.kill(os.getpid(), sent)
            reached.append("its end")

    with pytest.raises(KeyboardInterrupt):
        native_code()
    assert reached
    assert signal.getsignal(sent) is signal.default_int_handler


def test_handlers_that_raise_nothing_are_called_at_once() -> None:
    called: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    with signals.postponed():
        os.kill(os.getpid(), signal.SIGTERM)
        assert called == [signal.SIGTERM]


def test_an_error_in_the_block_is_raised_and_the_handlers_are_back() -> None:
    with pytest.raises(ValueError, match="of the block"), signals.postponed():
        raise ValueError("of the block")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupted_command_says_so_in_one_line(tmp_path: Path) -> None:
    counts = tmp_path / "counts.json"
    os.mkfifo(counts)
    process = subprocess.Popen(
        [sys.executable, "-m", "sluice.cli", "rollout", "judge", str(counts)],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with counts.open("wb"):  # as soon as the command reads the file
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == b"sluice: interrupted\n"
    assert process.returncode == 130
