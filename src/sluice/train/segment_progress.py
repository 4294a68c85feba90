"""Keep the fitted models of segments, so that an interrupted training can be continued.

Each training has its own folder, whose name identifies all that decides the result.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sluice import files
from sluice.metrics import Floats

# The trees or the coefficients of a model; None for a segment that cannot have one.
Fitted = Floats | None

_SECONDS = 10  # between two lines about the progress


@dataclass
class Progress:
    """The finished groups of segments in a folder, and how long the others will take.

    total: the number of all segments. first: when this run finished its first group, and the number
    of its segments.
    """

    folder: Path
    total: int = 0
    kept: int = 0
    done: int = 0
    first: tuple[float, int] | None = None
    said: float = field(default_factory=time.monotonic)

    def begin(self, total: int) -> None:
        """Start the clock. total: the number of all segments."""
        self.total = total
        self.said = time.monotonic()

    def finished(self) -> set[int]:
        """The groups that an earlier run has finished, whatever their files contain."""
        return {int(path.stem) for path in self.folder.glob("*.npz") if path.stem.isdecimal()}

    def find(self, group: int) -> list[Fitted] | None:
        """The models of a group that an earlier run has finished."""
        try:
            content = (self.folder / f"{group}.npz").read_bytes()
        except FileNotFoundError:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as saved:
            fitted, values = saved["fitted"], saved["values"]
        self.kept += len(fitted)
        return [row if own else None for own, row in zip(fitted, values, strict=True)]

    def resume(self) -> None:
        """Say how many models need not be fitted again."""
        if self.kept:
            _say(f"{self.kept:,} of {self.total:,} segments were fitted before, and are kept")

    def save(self, group: int, models: Sequence[Fitted]) -> None:
        """Write the models of a group, and say now and then how many segments are left."""
        width = max((len(one) for one in models if one is not None), default=0)
        values = np.zeros((len(models), width))
        for row, one in zip(values, models, strict=True):
            if one is not None:
                row[: len(one)] = one  # trees differ in length
        out = io.BytesIO()
        np.savez(out, fitted=np.array([one is not None for one in models]), values=values)
        files.write(self.folder / f"{group}.npz", out.getvalue())
        self.done += len(models)
        now = time.monotonic()
        self.first = self.first or (now, self.done)
        if now - self.said >= _SECONDS:
            self.said = now
            _say(self.line(now))

    def line(self, now: float) -> str:
        """How many segments are finished, and how long the others will take, in one line.

        The time left assumes the speed since the first group. Before it, workers are started, which
        takes a minute on Spark.
        """
        line = f"{self.kept + self.done:,} of {self.total:,} segments"
        since, before = self.first or (now, self.done)
        if self.done == before:
            return line
        seconds = (now - since) / (self.done - before)
        left = (self.total - self.kept - self.done) * seconds
        return f"{line}; about {left:,.0f} s left at the speed so far"


def _say(line: str) -> None:
    """Print a line, which the process that has started the training shows."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
