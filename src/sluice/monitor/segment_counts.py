"""Counts the scores of each segment in the bins of the score.

Each segment that the package names is counted separately, and all others together, so the size of a
summary is bounded whatever the log contains. Segments without rows take no space.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.monitor import read
from sluice.sketch.reference import Reference
from sluice.sketch.segments import SegmentReference, columns_of

BySegment = dict[int, tuple[int, ...]]


def count(
    batch: pa.RecordBatch,
    reference: Reference,
    whose: NDArray[np.intp],
    keys: int,
    differences: Container[str],
) -> list[BySegment]:
    """The counts for each of `keys` keys; whose: [n] the index of each row's key."""
    segments = reference.segments
    if segments is None or "score" in differences or read.SEGMENT in differences:
        return [{} for _ in range(keys)]
    bins = [one.bins for one in reference.scores]
    size = sum(one.size for one in bins)
    places = of_rows(batch, segments)
    cells, cell = np.unique(whose * len(segments.segments) + places, return_inverse=True)
    counts = np.zeros(len(cells) * size, np.int64)
    for column in columns_of(bins, read.scores(batch.column("score"), len(bins))):
        counts += np.bincount(cell * size + column, minlength=len(counts))
    found: list[BySegment] = [{} for _ in range(keys)]
    for code, row in zip(cells.tolist(), counts.reshape(-1, size).tolist(), strict=True):
        key, place = divmod(code, len(segments.segments))
        found[key][place] = tuple(row)
    return found


def of_rows(batch: pa.RecordBatch, segments: SegmentReference) -> NDArray[Any]:
    """The place of each row's segment in the reference, shape [n]."""
    names, codes = read.coded(batch.column(read.SEGMENT))
    known = segments.places(names)
    return known[codes] if len(known) else np.zeros(0, np.intp)


def add(one: BySegment, two: BySegment) -> BySegment:
    """The sum of both counts."""
    made = dict(one)
    for place, counts in two.items():
        before = made.get(place)
        made[place] = tuple(map(sum, zip(before, counts, strict=True))) if before else counts
    return dict(sorted(made.items()))


def total(parts: list[BySegment], count_: int, bins: int) -> NDArray[np.int64]:
    """The sum of counts of all segments, shape [count_, bins]."""
    found = np.zeros((count_, bins), np.int64)
    for part in parts:
        if part:
            found[list(part)] += np.array(list(part.values()), np.int64)
    return found
