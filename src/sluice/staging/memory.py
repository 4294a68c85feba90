"""The peak memory of a server while something happens."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from sluice.serve.target import Target

_PAUSE = 0.1  # seconds


class PeakMemory:
    """Measures a server's memory repeatedly, in a thread, while the block runs.

    The result is the resident memory, summed over all processes of the server. Pages that processes
    share are counted for each of them, so the sum is an upper limit.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._peak: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)

    @property
    def mib(self) -> float | None:
        """The peak in MiB; None if the memory could not be read."""
        return None if self._peak is None else self._peak / 2**20

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _measure(self) -> None:
        while True:
            now = self._target.memory()
            if now is not None:
                self._peak = max(now, self._peak or 0)
            if self._stop.wait(_PAUSE):
                return
