"""Rows that repeat another row except for a few values.

A model that has seen a row in training knows its copy in the holdout, whatever the id of the copy
says. A row is a near duplicate if two conditions hold. First, the nearest other row differs from it
in one column or in at most a fifth of the columns, and the tenth nearest row differs in a third of
the columns more. Second, the nearest row is closer than chance explains: by chance, the number of
rows within a distance grows like the number of possible combinations of values. So rows of a table
with few categories, which are close to many others anyway, are not near duplicates. Numbers are
divided into a hundred ranges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice.check.clusters import clusters_of
from sluice.config import Settings
from sluice.project import Project
from sluice.stats.groups import each, means
from sluice.verdict import Bound, Finding, Status, judge

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_RANGES = 100
_NEIGHBOURS = 10  # up to nine copies of a row are found
_CHANCE = 0.003
_TAIL = 0.025
_WORK = 30_000_000  # pairs of rows that are compared
_ROWS = (100, 1_000)  # the fewest and the most rows that are compared with all others
_UNKNOWN = 255
_FAR = 65_535

Codes = NDArray[np.uint8]
Keys = NDArray[np.intp] | NDArray[np.uint64]


def finding(found: NDArray[np.bool_], rows: int, project: Project) -> Finding:
    """Judge the share of near duplicates; the gate cannot distinguish copies from similar rows.

    found: for each of some distinct rows, whether it has a near duplicate. rows: the number of
    distinct rows of the table; if all of them were compared, the share is exact.
    """
    share = float(found.mean()) if len(found) else 0.0
    bound = Bound(
        project.source("quality", "near_duplicates"), high=project.settings.quality.near_duplicates
    )
    interval = None
    if len(found) < rows:
        alone = means(np.zeros(len(found), np.intp), found.astype(float), 1, rates=True)
        interval = each(alone, _TAIL)[0]
    name = "data-quality/near duplicates"
    judged = judge(
        name,
        share,
        bound,
        interval=None if interval is None else (max(0.0, interval.low), interval.high),
        n=len(found),
    )
    if judged.status is Status.PASS:
        return judged
    grouped = project.settings.split.group_column is not None
    group = "" if grouped else ", or set split.group to a column that copies share"
    why = (
        f"{judged.why.partition(';')[0]}: so many rows repeat another one except for a few values "
        f"that the model may have seen copies of the holdout in training; remove them{group}. If "
        "the rows are independent, accept this finding by name"
    )
    return msgspec.structs.replace(judged, status=Status.INSUFFICIENT, why=why)


def near_duplicates(frame: DataFrame, settings: Settings) -> NDArray[np.bool_]:
    """Whether each of some rows of a typed table has a near duplicate; rows count once if equal."""
    distinct = frame[~frame.duplicated([*settings.features, settings.data.target]).to_numpy()]
    coders = [Coder(distinct[name]) for name in settings.features]
    codes = np.array([coder.of(distinct[coder.name]) for coder in coders], np.uint8)
    return among(
        codes.reshape(len(coders), len(distinct)), clusters_of(distinct, settings), settings
    )


def among(codes: Codes, clusters: Keys | None, settings: Settings) -> NDArray[np.bool_]:
    """Whether each of some distinct rows has a near duplicate. codes: of their inputs, [columns,
    n].

    clusters: what the rows of one group have in common, [n]; None if rows are independent.
    """
    columns, rows = codes.shape
    count = int(np.clip(_WORK // max(1, rows), *_ROWS))
    chosen = np.random.default_rng(settings.seed).permutation(rows)[:count]
    if rows <= _NEIGHBOURS:
        return np.zeros(rows, bool)
    balls = _balls(codes)
    closest = np.array([_nearest(codes, row, clusters) for row in chosen])
    near, far = closest[:, 0], np.minimum(closest[:, 1], columns)
    few = (near <= max(1, columns // 5)) & (far - near >= columns / 3)
    return few & (_NEIGHBOURS * balls[np.minimum(near, columns)] < _CHANCE * balls[far])


def _nearest(codes: Codes, row: int, clusters: Keys | None) -> tuple[int, int]:
    """In how many columns the nearest and the tenth nearest row differ from each row."""
    distance = np.zeros(codes.shape[1], np.uint16)
    for column in codes:
        distance += column != column[row]
    distance[row] = _FAR
    if clusters is not None:  # rows that are kept in one part of the split
        distance[clusters == clusters[row]] = _FAR
    ordered = np.partition(distance, (0, _NEIGHBOURS - 1))
    return int(ordered[0]), int(ordered[_NEIGHBOURS - 1])


def _balls(codes: Codes) -> NDArray[np.float64]:
    """How many combinations of values differ in at most 0, 1, 2, ... columns from a given one."""
    shells = np.zeros(len(codes) + 1)
    shells[0] = 1.0
    for column in codes:
        shares = np.bincount(column) / len(column)
        others = 1 / float((shares**2).sum()) - 1  # the values that are common (Simpson, 1949)
        shells[1:] += shells[:-1] * others
    return np.cumsum(shells)


class Coder:
    """Numbers the values of a column from 0 to 255.

    Categories are numbered as they come, and numbers by the ranges that hold equally many of some
    rows of the column.
    """

    def __init__(self, some: Series) -> None:
        self.name = str(some.name)
        self._known: dict[str, int] = {}
        self._edges = _edges(some.to_numpy(np.float64)) if some.dtype.kind == "f" else None

    def of(self, column: Series) -> Codes:
        """The codes of the column's values in these rows, shape [n]."""
        import pandas as pd

        if column.dtype.kind != "f":
            codes, found = pd.factorize(column)
            known = [self._known.setdefault(value, len(self._known)) for value in found]
            return np.array([k % _UNKNOWN for k in known], np.uint8)[codes]
        values = column.to_numpy(np.float64)
        made = np.searchsorted(self._edges if self._edges is not None else [], values, side="right")
        return np.asarray(np.where(np.isfinite(values), made, _UNKNOWN), np.uint8)


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[np.isfinite(values)]
    if not len(known):
        return np.empty(0)
    ranges = max(2, min(_RANGES, len(values) // 4))
    return np.unique(np.quantile(known, np.linspace(0, 1, ranges + 1)))
