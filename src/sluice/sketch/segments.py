"""The reference for segments with models of their own: their scores and losses, as counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice.sketch.bins import Bins, Floats

# The name of the rows that the model for all rows scored; no segment has the empty name.
OTHERS = ""


def columns_of(bins: Sequence[Bins], scores: Floats) -> Iterator[NDArray[np.intp]]:
    """The place of each row's bin in `SegmentCounts.scores`, for each of k scores [k, n]."""
    start = 0
    for one, values in zip(bins, scores, strict=True):
        yield start + one.of_numbers(values)
        start += one.size


class SegmentCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One segment in rows that its model was not trained on.

    scores: the rows of the validation part and of the holdout in each bin of the score; if there
    are several scores, their bins follow one another. rows: the number of holdout rows. loss: the
    mean of `segment_gains.surprises` of these rows. error: the standard error of the loss; both are
    None if there are too few rows to know it.
    """

    name: str
    scores: tuple[int, ...]
    rows: int
    loss: float | None = None
    error: float | None = None


class SegmentReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All segments whose own models the package contains, in the order of their names.

    The last one, named OTHERS, has the rows that the model for all rows scored. loss: the mean loss
    of all holdout rows.
    """

    column: str
    loss: float
    segments: tuple[SegmentCounts, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the segments, without OTHERS."""
        return tuple(one.name for one in self.segments[:-1])

    def places(self, names: Sequence[str | None]) -> NDArray[np.intp]:
        """The place of each name in `segments`; that of OTHERS for None and for unknown names."""
        known = {one.name: at for at, one in enumerate(self.segments)}
        others = len(self.segments) - 1
        return np.array([known.get(name or OTHERS, others) for name in names], np.intp)

    def problem(self, bins: int) -> str | None:
        """Why this is not valid for scores with so many bins in total; None if it is valid."""
        names = [one.name for one in self.segments]
        if names != [*sorted(set(names) - {OTHERS}), OTHERS]:
            return "the segments are not in the order of their names"
        for one in self.segments:
            if len(one.scores) != bins or min(one.scores, default=0) < 0:
                return f"the counts of segment {one.name!r} do not match the bins of the score"
        return None
