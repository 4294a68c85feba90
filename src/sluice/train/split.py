"""Split the rows into four parts: by a hash, so that a row keeps its part, or by time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice import files, table
from sluice.config import Split
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.train import instants

if TYPE_CHECKING:
    from pandas import DataFrame

PARTS = ("holdout", "validation", "latest", "train")
_IN_TIME = ("train", "validation", "holdout", "latest")


def run(project: Project) -> dict[str, int]:
    """Write one Parquet file for each part, and return the number of rows of each."""
    settings = project.settings
    frame = table.typed(table.read_raw(project.data, settings.columns), settings.columns)
    part = assign(frame, settings.split, settings.data.id)
    if settings.split.by_time is not None:
        order = np.argsort(instants.of(frame, settings.split.by_time), kind="stable")
        frame, part = frame.iloc[order], part[order]
    rows = {}
    for name in PARTS:
        chosen = frame[part == name].reset_index(drop=True)
        if chosen.empty:
            raise SluiceError(
                f"the {name} part is empty: {counted(frame, settings.split)} are too few for the "
                "shares under split in params.yaml"
            )
        path = project.split(name)
        with files.replacing(path) as unfinished:
            chosen.to_parquet(unfinished, index=False)
        rows[name] = len(chosen)
    return rows


def assign(frame: DataFrame, split: Split, id_column: str | None) -> NDArray[np.object_]:
    """The part of each row of a typed table, shape [n].

    Raises SluiceError if split.by_time cannot order the rows.
    """
    if split.by_time is not None:
        return _by_time(frame, split)
    edges = np.cumsum([split.holdout, split.validation, split.latest])
    identities = _identities(frame, split.group_column or id_column)
    where = [_fraction(split.salt, identity) for identity in identities]
    return np.array(PARTS, object)[np.searchsorted(edges, where, side="right")]


def _by_time(frame: DataFrame, split: Split) -> NDArray[np.object_]:
    """Older rows train and newer ones test; a group belongs to the part of its newest row."""
    newest = instants.newest(frame, split)
    known, place, count = np.unique(newest, return_inverse=True, return_counts=True)
    if len(known) < len(PARTS):
        by = f", the last of each {split.group!r}" if split.group_column is not None else ""
        raise SluiceError(
            f"split.by_time: column {split.by_time!r} has only {len(known)} different times{by}, "
            f"but each of the {len(PARTS)} parts needs one of its own"
        )
    after = split.validation + split.holdout + split.latest
    shares = (1 - after, split.validation, split.holdout)
    starts = _starts(count, np.cumsum(shares))
    return np.array(_IN_TIME, object)[np.searchsorted(starts, place, side="right")]


def _starts(count: NDArray[np.int64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """The first time of each later part, as an index, so that every part has one.

    count: the rows of each time. A time belongs to the part in which its middle row falls.
    """
    middle = (np.cumsum(count) - count / 2) / count.sum()
    later = np.arange(1, len(edges) + 1)
    starts = np.clip(np.searchsorted(middle, edges), later, len(count) - later[::-1])
    for k in range(len(starts) - 1, 0, -1):
        starts[k - 1] = min(starts[k - 1], starts[k] - 1)
    return starts


def _identities(frame: DataFrame, column: str | None) -> list[str]:
    """The text whose hash decides the part: the column's value, or the entire row without a column.

    Without a column, equal rows belong to the same part.
    """
    if column is not None:
        return [_text(value) for value in frame[column]]
    return ["\x1f".join(map(_text, row)) for row in frame.itertuples(index=False, name=None)]


def counted(frame: DataFrame, split: Split) -> str:
    """How many rows, or groups of rows, there are to split, in words."""
    group = split.group_column
    if group is None:
        return f"{len(frame):,} rows"
    return f"{frame[group].nunique():,} values of {group!r}"


def _fraction(salt: str, identity: str) -> float:
    digest = hashlib.sha256(f"{salt}\x1f{identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _text(value: object) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
