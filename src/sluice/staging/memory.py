"""How much memory a server takes at most while something goes on."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from sluice.staging.target import Target

_PAUSE = 0.1


class Peak:
    """Looks again and again, in a thread; the highest is `mib`, None if none could be read.

    Resident memory, summed over all processes of the server: pages that they share count for
    each, so it errs on the safe side.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._bytes: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @property
    def mib(self) -> float | None:
        return max(self._bytes) / 2**20 if self._bytes else None

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

    def _look(self) -> None:
        while True:
            now = self._target.memory()
            if now is not None:
                self._bytes = [max([now, *self._bytes])]
            if self._stop.wait(_PAUSE):
                return
