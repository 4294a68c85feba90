"""Whether groups are treated alike within each segment that has enough rows of these groups.

All rows together can hide a segment whose own model prefers one group. A segment is at fault only
if the entire interval lies outside the bound. A union bound divides the risk of that among all
comparisons, so that none of many fair segments is refused by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.check.clusters import count
from sluice.check.group_measures import FEWEST_MEMBERS, Measure, between, means_of
from sluice.check.groups import Grouping
from sluice.config import Range
from sluice.project import Project
from sluice.stats.bootstrap import Clusters
from sluice.verdict import Bound, Finding, Status, number

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 5


@dataclass(frozen=True)
class _Part:
    """A segment with at least two large groups. rows: their places in the holdout."""

    name: str
    rows: NDArray[np.intp]
    groups: list[str]


@dataclass(frozen=True)
class _Asked:
    """A bound on the `difference` or `ratio` of a measure between groups."""

    measure: Measure
    comparison: str
    bound: Bound

    def fault(
        self, grouping: Grouping, part: _Part, clusters: Clusters | None, tail: float
    ) -> str | None:
        """What is measured, if the entire interval of the segment lies outside the bound."""
        found = means_of(
            self.measure.of(part.rows),
            grouping.among(part.groups)[part.rows],
            len(part.groups),
            None if clusters is None else clusters[part.rows],
        )
        interval = between(found, tail)[self.comparison]
        if np.isfinite(interval.low) and self.bound.excludes(interval.low, interval.high):
            name = f"{self.measure.name} {self.comparison}"
            return f"{name} {number(interval.estimate)}, allowed {self.bound}"
        return None


def findings(
    project: Project,
    frame: DataFrame,
    groupings: Sequence[Grouping],
    measures: Sequence[Measure],
    *,
    clusters: Clusters | None,
    tail: float,
) -> list[Finding]:
    """One finding for each attribute; none if the model has no segments.

    frame: the n holdout rows. tail: the risk on each side of a single interval.
    """
    column = project.settings.segment_column
    if column is None:
        return []
    labels = frame[column].to_numpy()
    return [
        _finding(project, grouping, labels, measures, clusters=clusters, tail=tail)
        for grouping in groupings
        if len(grouping.columns) == 1
    ]


def _finding(
    project: Project,
    grouping: Grouping,
    labels: NDArray[np.object_],
    measures: Sequence[Measure],
    *,
    clusters: Clusters | None,
    tail: float,
) -> Finding:
    settings = project.settings.fairness
    parts = list(_parts(grouping, labels, settings.group_rows, clusters))
    asked = list(_asked(settings.bounds, measures))
    each = tail / max(1, len(parts) * len(asked))
    faults = [
        (part.name, [one.fault(grouping, part, clusters, each) for one in asked]) for part in parts
    ]
    bad = {segment: next(filter(None, found)) for segment, found in faults if any(found)}
    name = f"fairness/{grouping.title}/segments out of bounds"
    bound = Bound("params.yaml: fairness.bounds hold in each segment", high=0)
    told = (
        f"{len(parts):,} of {len(np.unique(labels.astype(str))):,} segments have at least two "
        f"groups of {settings.group_rows} rows"
    )
    if not bad:
        why = f"none is out of bounds; {told}"
        return Finding(name, Status.PASS, why, 0, n=len(parts), bound=bound)
    some = [f"{segment!r} ({fault})" for segment, fault in list(bad.items())[:_SHOWN]]
    shown = ", ".join(some) + (" and others" if len(bad) > _SHOWN else "")
    why = f"{len(bad):,} out of bounds: {shown}; {told}"
    return Finding(name, Status.FAIL, why, len(bad), n=len(parts), bound=bound)


def _asked(bounds: Mapping[str, Range], measures: Sequence[Measure]) -> Iterator[_Asked]:
    for key, bound in bounds.items():
        kind, _, comparison = key.rpartition("_")
        for measure in measures:
            if measure.kind == kind:
                yield _Asked(measure, comparison, Bound(key, bound.low, bound.high))


def _parts(
    grouping: Grouping, labels: NDArray[np.object_], least: int, clusters: Clusters | None
) -> Iterator[_Part]:
    """The segments with at least two groups that the gate would compare among all rows too."""
    names, place = np.unique(labels.astype(str), return_inverse=True)
    order = np.argsort(place, kind="stable")
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(place))[:-1]), strict=True):
        codes = grouping.codes[rows]
        sizes = np.bincount(codes, minlength=len(grouping.names))
        large = [
            k
            for k in np.flatnonzero(sizes >= least)
            if clusters is None or count(clusters[rows[codes == k]]) >= FEWEST_MEMBERS
        ]
        groups = [grouping.names[k] for k in large]
        if len(groups) > 1:
            yield _Part(str(name), rows, groups)
