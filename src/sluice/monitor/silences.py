"""Finds the times at which a server wrote nothing for a while."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Microseconds without a record of its server after which a record may not have been answered: less
# than the shortest time-out of the rollout's proxy.
SILENCE = 4_000_000
_QUIET = 600_000_000  # silences that follow one another more quickly are summarised as one


class Silences:
    """The silences in a file, from the times of its records, in microseconds, batch by batch."""

    def __init__(self) -> None:
        self._last = np.empty(0, np.int64)
        self._found: list[tuple[int, int]] = []

    def add(self, times: NDArray[np.int64]) -> None:
        ordered = np.sort(np.concatenate([self._last, times]))
        self._note(ordered[:-1][np.diff(ordered) >= SILENCE])
        self._last = ordered[-1:]

    @property
    def found(self) -> tuple[tuple[int, int], ...]:
        """The times of the records before each silence, of which the last record is one.

        Of silences that follow one another quickly, those of the first and of the last one.
        """
        self._note(self._last)
        return tuple(self._found)

    def _note(self, times: NDArray[np.int64]) -> None:
        if not len(times):
            return
        starts = np.flatnonzero(np.diff(times, prepend=times[0] - _QUIET) >= _QUIET)
        ends = [*(starts[1:] - 1), -1]
        for first, last in zip(times[starts].tolist(), times[ends].tolist(), strict=True):
            joins = bool(self._found) and first - self._found[-1][1] < _QUIET
            start = self._found.pop()[0] if joins else first
            self._found.append((start, last))
