"""The group of each row in a sensitive column, and in combinations of sensitive columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from sluice.config import Settings
from sluice.labels import MISSING, Levels

if TYPE_CHECKING:
    from pandas import DataFrame, Series

UNLISTED = "unlisted"
UNKNOWN = "missing"


@dataclass(frozen=True)
class Grouping:
    """The group of each row.

    columns: the sensitive columns. names: the groups that are declared or occur. of: [n] the name
    of each row's group.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    of: np.ndarray

    @property
    def title(self) -> str:
        return " & ".join(self.columns)


def groupings(
    frame: DataFrame, settings: Settings, whole: DataFrame | None = None
) -> list[Grouping]:
    """Each sensitive column, then every combination of two or more of them.

    whole: the whole table. A combination of groups that no row of it has is not expected in
    `frame`, such as 1 in two columns of which each row has 1 in at most one.
    """
    names = list(settings.data.sensitive)
    single = {name: _single(frame[name], name, settings) for name in names}
    met = single
    if whole is not None:
        met = {name: _single(whole[name], name, settings) for name in names}
    made = list(single.values())
    for size in range(2, len(names) + 1):
        for chosen in combinations(names, size):
            crossed = _cross([single[name] for name in chosen])
            if whole is not None:
                there = set(_cross([met[name] for name in chosen]).of)
                crossed = replace(crossed, names=tuple(n for n in crossed.names if n in there))
            made.append(crossed)
    return made


def _single(column: Series, name: str, settings: Settings) -> Grouping:
    spec, declared = settings.data.sensitive[name], settings.columns[name]
    if spec.bands is not None:
        expected, of = _bands(column.to_numpy(np.float64), spec.bands)
    else:
        known = Levels(declared.declared).of
        groups = spec.groups or {known(v): [v] for v in declared.values or sorted(column.unique())}
        member = {known(value): group for group, values in groups.items() for value in values}
        expected, of = list(groups), column.map(known).map(lambda v: _named(v, member)).to_numpy()
    met = sorted(set(of) - set(expected))
    names = tuple(f"{name}={group}" for group in [*expected, *met])
    return Grouping((name,), names, np.array([f"{name}={group}" for group in of], object))


def _named(value: str, member: dict[str, str]) -> str:
    return UNKNOWN if value == MISSING else member.get(value, UNLISTED)


def _bands(values: np.ndarray, edges: list[float]) -> tuple[list[str], np.ndarray]:
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    names = [f"under {edges[0]:g}", *inner, f"{edges[-1]:g} and over"]
    of = np.array(names, object)[np.searchsorted(edges, values, side="right")]
    of[np.isnan(values)] = UNKNOWN
    return names, of


def _cross(parts: list[Grouping]) -> Grouping:
    names = tuple(" & ".join(combined) for combined in product(*(part.names for part in parts)))
    of = [" & ".join(row) for row in zip(*(part.of for part in parts), strict=True)]
    return Grouping(tuple(c for part in parts for c in part.columns), names, np.array(of, object))
