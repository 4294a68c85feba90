"""The bins of a column: defined once by the training rows, and counted in every log file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice.labels import MISSING

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Kind = Literal["number", "category"]

_QUANTILES = (
    20  # bins of a number with many values; if there are fewer values, each has its own bin
)
_MOST_LEVELS = 100  # bins of a category; rarer levels share the bin of unseen ones


class Bins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bins of one column, followed by two more: `other`, and missing values.

    edges: for a number, the upper ends of all bins except the last; a value on an edge belongs to
    the bin below it. levels: for a category, its values. `other` counts values that are not among
    them; for a number it stays empty.
    """

    name: str
    type: Kind
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def values(self) -> int:
        """The number of bins without the two at the end."""
        return len(self.edges) + 1 if self.type == "number" else len(self.levels)

    @property
    def size(self) -> int:
        return self.values + 2

    @property
    def other(self) -> int:
        """The index of the bin of values that are not among the levels."""
        return self.values

    @property
    def missing(self) -> int:
        """The index of the bin of missing values, which is the last one."""
        return self.values + 1

    def of_numbers(self, values: Floats) -> NDArray[np.intp]:
        """The bin of each number, shape [n]; NaN is missing."""
        found = np.searchsorted(np.asarray(self.edges), values, side="left")
        found[np.isnan(values)] = self.missing
        return found

    def count_numbers(self, values: Floats) -> Counts:
        """How many of the numbers each bin has: `count` of `of_numbers`, several times faster."""
        *inside, missing = count_between(self.edges, values)
        return np.array([*inside, 0, missing], np.int64)

    def of_levels(self, levels: Sequence[str | None]) -> NDArray[np.intp]:
        """The bin of each of the distinct texts; None and the empty text are missing."""
        known = {level: at for at, level in enumerate(self.levels)}
        known[MISSING] = self.missing
        found = [known.get(level or MISSING, self.other) for level in levels]
        return np.array(found, np.intp)

    def count(self, bins: NDArray[np.intp]) -> Counts:
        """How many rows each bin has, shape [size]."""
        return np.bincount(bins, minlength=self.size).astype(np.int64)

    def title(self, at: int) -> str:
        """A bin in words."""
        if at >= self.values:
            return "missing" if at == self.missing else "unseen values"
        if self.type == "category":
            return self.levels[at]
        if not self.edges:
            return "any number"
        if at == 0:
            return f"up to {self.edges[0]:g}"
        if at == len(self.edges):
            return f"above {self.edges[-1]:g}"
        return f"{self.edges[at - 1]:g} to {self.edges[at]:g}"


def count_between(edges: Sequence[float], values: Floats) -> Counts:
    """How many values are in each interval that ends at an edge, above the last one, and NaN."""
    # Comparing with each of a few edges is quicker than sorting.
    below = [int(np.count_nonzero(values <= edge)) for edge in edges]
    missing = int(np.count_nonzero(np.isnan(values)))
    ends = [0, *below, len(values) - missing, len(values)]
    return np.array([high - low for low, high in pairwise(ends)], np.int64)


def of_numbers(name: str, values: Floats, *, split_at: float | None = None) -> Bins:
    """Bins of about equal numbers of rows, or one for each of up to twenty values.

    split_at: a number that starts a new bin.
    """
    known = np.unique(values[~np.isnan(values)])
    if len(known) <= _QUANTILES:
        edges = (known[:-1] + known[1:]) / 2
    else:
        shares = np.arange(1, _QUANTILES) / _QUANTILES
        edges = np.unique(np.nanquantile(values, shares, method="lower"))
        edges = edges[edges < known[-1]]
    # Ten digits, because the last ones may differ between machines.
    rounded = {float(f"{edge:.10g}") for edge in edges}
    if split_at is not None:
        rounded.add(float(np.nextafter(split_at, -np.inf)))
    return Bins(name, "number", tuple(sorted(rounded)))


def of_levels(name: str, values: Sequence[str]) -> Bins:
    """One bin for each level, the most frequent ones if there are many."""
    counted = sorted((-count, str(level)) for level, count in Counter(values).items())
    frequent = [level for _, level in counted[: _MOST_LEVELS + 1]]
    levels = sorted(level for level in frequent if level != MISSING)[:_MOST_LEVELS]
    return Bins(name, "category", levels=tuple(levels))
