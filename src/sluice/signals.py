"""Postpone signals that end the process while something must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def postponed() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM after the block, where they would raise KeyboardInterrupt in it.

    Use it to start and remove a server, and for native code that calls Python's functions and
    crashes if one of them raises. Only the main thread receives signals, so in other threads this
    has no effect.
    """
    interrupting = [
        each for each in _SIGNALS if signal.getsignal(each) is signal.default_int_handler
    ]
    if not interrupting or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    for each in interrupting:
        signal.signal(each, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for each in interrupting:
            signal.signal(each, signal.default_int_handler)
        if received:
            signal.raise_signal(received[0])
