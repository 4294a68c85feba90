"""Postpone signals that end the process while something must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def postponed() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM after the block, for starting and removing a server.

    Only the main thread receives signals, so in other threads this has no effect.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    previous = {
        each: signal.signal(each, lambda number, _: received.append(number)) for each in _SIGNALS
    }
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
        if received:
            signal.raise_signal(received[0])
