"""Signals that would interrupt native code, or the start of a server, wait for its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

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
