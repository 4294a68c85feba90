"""The data-quality checks of entire rows, for a table that does not fit in memory.

The batches of the table are read twice: for samples of its rows, and for a hash and the codes of
every row. Rows count as equal if their 64-bit hashes are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice import table
from sluice.check import near_duplicates
from sluice.check.entities import Entities, Table
from sluice.check.prepared import prepare
from sluice.config import Settings
from sluice.raw_table import RawTable

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Hashes = NDArray[np.uint64]

SAMPLE = 200_000  # rows drawn at random
OF_VALUES = 50_000  # approximate number of rows of some values of a column
_TOO_MANY = 4  # a column with this many times as many rows of each value has few values
_FEWEST = 1_000
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Samples:
    """Rows of a table.

    drawn: some rows at random, prepared. typed: the same, typed. of_values: for a column of many
    values, all rows of some of its values, typed.
    """

    drawn: DataFrame
    typed: DataFrame
    of_values: dict[str, DataFrame]


def samples(raw: RawTable, settings: Settings) -> Samples:
    """Draw the rows reproducibly for the seed and the table."""
    import pandas as pd

    random = np.random.default_rng(settings.seed)
    apart = (settings.data.id, settings.data.target)
    names = [name for name in settings.columns if name in raw.names]
    kept: dict[str, list[DataFrame]] = {name: [] for name in names if name not in apart}
    share, limit = (min(1.0, rows / (raw.rows or 1)) for rows in (SAMPLE, OF_VALUES))
    drawn, found = [], []
    for prepared, typed in _batches(raw, settings, "samples of the rows"):
        chosen = random.random(len(prepared)) < share
        drawn.append(prepared[chosen])
        found.append(typed[chosen])
        for name in list(kept):
            kept[name].append(typed[_hashes(typed[[name]]) < limit * 2.0**64])
            if sum(map(len, kept[name])) > _TOO_MANY * OF_VALUES:
                del kept[name]
    of_values = {name: pd.concat(rows, ignore_index=True) for name, rows in kept.items()}
    return Samples(
        pd.concat(drawn, ignore_index=True), pd.concat(found, ignore_index=True), of_values
    )


@dataclass(frozen=True)
class Rows:
    """Every row of a table: the share that repeats another one, and which are near duplicates.

    near: for each of some distinct rows, whether it is a near duplicate; None if the table lacks an
    input.
    """

    repeats: float
    near: NDArray[np.bool_] | None


def rows(raw: RawTable, settings: Settings, some: DataFrame) -> Rows:
    """Compare every row with every other one. some: typed rows, by which numbers are divided."""
    own = [n for n in settings.columns if n in raw.names and n != settings.data.id]
    inputs = settings.features if all(name in raw.names for name in settings.features) else []
    group = settings.split.group_column
    some = some[~some.duplicated([*inputs, settings.data.target])]
    coders = [near_duplicates.Coder(some[name]) for name in inputs]
    equal, alike, clusters = [], [], []
    codes = np.empty((len(inputs), raw.rows or 0), np.uint8)
    start = 0
    for _, typed in _batches(raw, settings, "a hash of every row"):
        equal.append(_hashes(typed[own]))
        alike.append(_hashes(typed[[*inputs, settings.data.target]]))
        if group is not None:
            clusters.append(_hashes(typed[[group]]))
        for place, coder in enumerate(coders):
            codes[place, start : start + len(typed)] = coder.of(typed[coder.name])
        start += len(typed)
    repeats = 1 - len(np.unique(np.concatenate(equal))) / start
    if not inputs:
        return Rows(repeats, None)
    _, first = np.unique(np.concatenate(alike), return_index=True)
    first.sort()
    whose = np.concatenate(clusters)[first] if clusters else None
    return Rows(repeats, near_duplicates.among(codes[:, first], whose, settings))


def suspected(drawn: Samples, settings: Settings) -> Entities | None:
    """The most likely key of entities, searched in samples of the rows.

    A key with a column of many values is judged on all rows of some of its values, and another key
    on rows drawn at random: all or many rows of a key must be in the sample.
    """
    if settings.split.group is not None:
        return None
    samples = {n: rows for n, rows in drawn.of_values.items() if len(rows) >= _FEWEST}
    for joined in (False, True):
        found = []
        for name, rows in {**samples, "": drawn.typed}.items():
            one = Table.of(rows, settings)
            for key in one.joined_keys() if joined else one.single_keys():
                of = next((column for column in key if column in samples), "")
                entities = one.judge(key) if of == name else None
                if entities is not None:
                    found.append((one.likelihood(entities), entities))
        if found:
            return max(found, key=lambda one: one[0])[1]
    return None


def _batches(
    raw: RawTable, settings: Settings, doing: str
) -> Iterator[tuple[DataFrame, DataFrame]]:
    """The batches of a table, prepared and typed."""
    from tqdm import tqdm

    known = {name: column for name, column in settings.columns.items() if name in raw.names}
    with tqdm(total=raw.rows, desc=doing, unit=" rows", leave=False, disable=None) as bar:
        for frame in raw.batches():
            prepared = prepare(frame, settings)
            yield prepared, table.typed(prepared, known, strict=False)
            bar.update(len(frame))


def _hashes(frame: DataFrame) -> Hashes:
    """A hash of each row of a typed table, shape [n]; equal for equal rows in every batch."""
    from pandas.util import hash_array

    made = np.full(len(frame), _MIX)  # without this, the hash of 0 would be 0
    for name in frame:
        made = made * _MIX + hash_array(_plain(frame[name]))
    return hash_array(made)


def _plain(column: Series) -> NDArray[np.object_] | NDArray[np.float64]:
    """The values, normalised so that equal ones have equal bits: one zero, and one NaN."""
    if column.dtype.kind != "f":
        return column.to_numpy(object)
    values = column.to_numpy(np.float64) + 0.0
    values[np.isnan(values)] = np.nan
    return values
