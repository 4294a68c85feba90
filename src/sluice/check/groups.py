"""The group of each row by a sensitive attribute, and by combinations of attributes.

An attribute is one sensitive column, or several columns if no row has a value in two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.config import Scalar, Settings
from sluice.labels import MISSING, Levels, label

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Codes = NDArray[np.intp]

UNLISTED = "unlisted"
UNKNOWN = "missing"
NONE = "neither"


@dataclass(frozen=True)
class Grouping:
    """The group of each row.

    columns: the names of the attributes. names: the groups that are declared or occur. codes: [n]
    the place of each row's group among the names.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    codes: Codes

    @property
    def title(self) -> str:
        return " & ".join(self.columns)

    @property
    def of(self) -> NDArray[np.object_]:
        """The name of each row's group, shape [n]."""
        return np.array(self.names, object)[self.codes]

    @property
    def sizes(self) -> dict[str, int]:
        """The number of rows of each group."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def among(self, names: Sequence[str]) -> Codes:
        """The place of each row's group among other names, shape [n]; -1 if it is none of them."""
        place = {name: k for k, name in enumerate(names)}
        return np.array([place.get(name, -1) for name in self.names], np.intp)[self.codes]

    def named(self, names: Sequence[str]) -> Grouping:
        """This grouping with its groups in the order of `names`, which must include every group."""
        return Grouping(self.columns, tuple(names), self.among(names))


def groupings(
    frame: DataFrame, settings: Settings, whole: DataFrame | None = None
) -> list[Grouping]:
    """Each sensitive attribute, then every combination of two or more of them.

    whole: the complete table. If none of its rows has a combination of groups, `frame` need not
    have it either; for example, two columns may never both be 1.
    """
    single = _attributes(frame, settings)
    met = single
    if whole is not None:
        met = _attributes(whole, settings)
        for name in settings.data.attributes:
            single[name] = single[name].named(met[name].names)
    made = list(single.values())
    for size in range(2, len(single) + 1):
        for chosen in combinations(single, size):
            crossed = _cross([single[name] for name in chosen])
            if whole is not None:
                every = _cross([met[name] for name in chosen])
                there = {every.names[code] for code in np.unique(every.codes)}
                crossed = crossed.named([name for name in crossed.names if name in there])
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
    """A group for each column, with the rows that have its value, and a group of all other rows."""
    bits = np.zeros(len(frame), np.int64)
    unknown = np.zeros(len(frame), bool)
    for k, (column, value) in enumerate(columns.items()):
        known = Levels(settings.columns[column].declared).of
        codes, labels = _mapped(frame[column], known)
        bits += (np.array(labels, object) == label(value))[codes].astype(np.int64) << k
        unknown |= (np.array(labels, object) == MISSING)[codes]
    bits[(bits == 0) & unknown] = -1
    found, codes = np.unique(bits, return_inverse=True)
    of = [_members(int(one), list(columns)) for one in found]
    return _grouping(name, list(columns), codes, of)


def _members(bits: int, columns: list[str]) -> str:
    """The columns whose value a row has, in words."""
    if bits < 0:
        return UNKNOWN
    return " and ".join(c for k, c in enumerate(columns) if bits >> k & 1) or NONE


def _single(column: Series, name: str, settings: Settings) -> Grouping:
    spec, declared = settings.data.sensitive[name], settings.columns[name]
    if spec.bands is not None:
        expected, codes = _bands(column.to_numpy(np.float64), spec.bands)
        return _grouping(name, expected, codes, [*expected, UNKNOWN])
    known = Levels(declared.declared).of
    codes, labels = _mapped(column, known)
    groups = spec.groups or {known(v): [v] for v in declared.values or sorted(column.unique())}
    member = {known(value): group for group, values in groups.items() for value in values}
    return _grouping(name, list(groups), codes, [_named(text, member) for text in labels])


def _mapped(column: Series, change: Callable[[object], str]) -> tuple[Codes, list[str]]:
    """The number of each row's value, shape [n], and the result of `change` for each of these
    values.
    """
    import pandas as pd

    codes, values = pd.factorize(column, use_na_sentinel=False)
    return codes, [change(value) for value in values]


def _grouping(name: str, expected: list[str], codes: Codes, of: list[str]) -> Grouping:
    """A grouping whose names begin with the attribute's.

    of: the group of each code; not all of them need to occur.
    """
    met = {of[code] for code in np.unique(codes)}
    groups = [*expected, *sorted(met - set(expected))]
    place = {group: k for k, group in enumerate(groups)}
    moved = np.array([place.get(group, -1) for group in of], np.intp)
    return Grouping((name,), tuple(f"{name}={group}" for group in groups), moved[codes])


def _named(value: str, member: dict[str, str]) -> str:
    return UNKNOWN if value == MISSING else member.get(value, UNLISTED)


def _bands(values: np.ndarray, edges: list[float]) -> tuple[list[str], Codes]:
    """The names of the bands, and the number of each value's band; a missing value has the number
    after the last.
    """
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    names = [f"under {edges[0]:g}", *inner, f"{edges[-1]:g} and over"]
    codes = np.searchsorted(edges, values, side="right")
    codes[np.isnan(values)] = len(names)
    return names, codes


def _cross(parts: list[Grouping]) -> Grouping:
    names = tuple(" & ".join(combined) for combined in product(*(part.names for part in parts)))
    codes = np.zeros(len(parts[0].codes), np.intp)
    for part in parts:
        codes = codes * len(part.names) + part.codes
    return Grouping(tuple(c for part in parts for c in part.columns), names, codes)
