"""The group of each row in a sensitive attribute, and in combinations of attributes.

An attribute is a sensitive column, or several of which each row has a value in at most one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from sluice.config import Scalar, Settings
from sluice.labels import MISSING, Levels, label

if TYPE_CHECKING:
    from pandas import DataFrame, Series

UNLISTED = "unlisted"
UNKNOWN = "missing"
NONE = "neither"


@dataclass(frozen=True)
class Grouping:
    """The group of each row.

    columns: the names of the attributes. names: the groups that are declared or occur. of: [n]
    the name of each row's group.
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
    """Each sensitive attribute, then every combination of two or more of them.

    whole: the whole table. A combination of groups that no row of it has is not expected in
    `frame`, such as 1 in two columns of which each row has 1 in at most one.
    """
    single = _attributes(frame, settings)
    met = single
    if whole is not None:
        met = _attributes(whole, settings)
        for name in settings.data.attributes:
            single[name] = replace(single[name], names=met[name].names)
    made = list(single.values())
    for size in range(2, len(single) + 1):
        for chosen in combinations(single, size):
            crossed = _cross([single[name] for name in chosen])
            if whole is not None:
                there = set(_cross([met[name] for name in chosen]).of)
                crossed = replace(crossed, names=tuple(n for n in crossed.names if n in there))
            made.append(crossed)
    return made


def _attributes(frame: DataFrame, settings: Settings) -> dict[str, Grouping]:
    parts = settings.data.attributes
    joined = {column for columns in parts.values() for column in columns}
    alone = [name for name in settings.data.sensitive if name not in joined]
    return {
        **{name: _join(frame, name, columns, settings) for name, columns in parts.items()},
        **{name: _single(frame[name], name, settings) for name in alone},
    }


def _join(frame: DataFrame, name: str, columns: dict[str, Scalar], settings: Settings) -> Grouping:
    """A group for each column, of the rows that have its value, and one of the other rows."""
    labels = {
        column: frame[column].map(Levels(settings.columns[column].declared).of).to_numpy()
        for column in columns
    }
    of = np.full(len(frame), "", object)
    for column, value in columns.items():
        here = labels[column] == label(value)
        of[here] = np.where(of[here] == "", column, of[here] + f" and {column}")
    unknown = np.any([found == MISSING for found in labels.values()], axis=0)
    of = np.where(of != "", of, np.where(unknown, UNKNOWN, NONE))
    others = sorted(set(of) - set(columns))
    names = tuple(f"{name}={group}" for group in [*columns, *others])
    return Grouping((name,), names, np.array([f"{name}={group}" for group in of], object))


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
