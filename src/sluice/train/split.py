"""Split the rows into four parts: by a hash, so that a row keeps its part, or by time."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice import files, table
from sluice.config import Settings, Split
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.raw_table import RawTable
from sluice.train import instants

if TYPE_CHECKING:
    from pandas import DataFrame

PARTS = ("holdout", "validation", "latest", "train")
_IN_TIME = ("train", "validation", "holdout", "latest")


def run(project: Project) -> dict[str, int]:
    """Write one Parquet file for each part, and return the number of rows of each.

    A large table is read in batches, unless it is split by time. If split.train_rows leaves out
    rows of the train part, `sampled.json` records how many rows it had.
    """
    settings = project.settings
    raw = RawTable.of(project.data, settings.columns)
    rows = dict.fromkeys(PARTS, 0)
    project.sampled.unlink(missing_ok=True)
    with ExitStack() as finished:
        paths = {
            name: finished.enter_context(files.replacing(project.split(name))) for name in PARTS
        }
        with ExitStack() as closed:
            writers: dict[str, Writer] = {
                name: closed.enter_context(Writer(path)) for name, path in paths.items()
            }
            if settings.split.by_time is not None:
                left_out = _write_by_time(raw, settings, writers, rows)
            else:
                left_out = _write_by_hash(raw, settings, writers, rows)
        for name in PARTS:
            if not rows[name]:
                whole = table.typed(raw.whole(), settings.columns)
                raise SluiceError(
                    f"the {name} part is empty: {counted(whole, settings.split)} are too few for "
                    "the shares under split in params.yaml"
                )
    if left_out:
        files.write_json(project.sampled, {"train": rows["train"], "of": rows["train"] + left_out})
    return rows


def _write_by_hash(
    raw: RawTable, settings: Settings, writers: dict[str, Writer], rows: dict[str, int]
) -> int:
    """Write each batch of rows to its parts, and count them; returns how many are left out."""
    split, id_column = settings.split, settings.data.id
    limit = _limit(raw, settings)
    left_out = 0
    for frame in raw.batches():
        typed = table.typed(frame, settings.columns)
        place = _places(typed, split, id_column)
        part = _parts_of(place, split)
        left_out += _leave_out(part, place, limit)
        for name, writer in writers.items():
            rows[name] += writer.write(typed[part == name])
    return left_out


def _write_by_time(
    raw: RawTable, settings: Settings, writers: dict[str, Writer], rows: dict[str, int]
) -> int:
    """Write the parts of a table that is split by time: read at once, with its rows in order of
    time.
    """
    split = settings.split
    frame = table.typed(raw.whole(), settings.columns)
    part = assign(frame, split, settings.data.id)
    left_out = 0
    if split.train_rows is not None:
        place = _places(frame, split, settings.data.id)
        left_out = _leave_out(part, place, _smallest(place[part == "train"], split.train_rows))
    order = np.argsort(instants.of(frame, str(split.by_time)), kind="stable")
    frame, part = frame.iloc[order], part[order]
    for name, writer in writers.items():
        rows[name] += writer.write(frame[part == name])
    return left_out


def _limit(raw: RawTable, settings: Settings) -> float:
    """The position (see `_places`) from which rows of the train part are left out."""
    split = settings.split
    if split.train_rows is None:
        return np.inf
    key = split.group_column or settings.data.id
    names = None if key is None else [key]
    found = [np.empty(0)]
    for frame in raw.batches(names):
        columns = {n: c for n, c in settings.columns.items() if names is None or n in names}
        place = _places(table.typed(frame, columns), split, settings.data.id)
        found.append(place[_parts_of(place, split) == "train"])
    return _smallest(np.concatenate(found), split.train_rows)


def _smallest(places: NDArray[np.float64], most: int) -> float:
    """The position up to which there are at most this many rows."""
    return float(np.partition(places, most)[most]) if len(places) > most else np.inf


def _leave_out(part: NDArray[np.object_], place: NDArray[np.float64], limit: float) -> int:
    """Take rows from the limit on out of the train part; returns their number."""
    out = (part == "train") & (place >= limit)
    part[out] = ""
    return int(np.count_nonzero(out))


class Writer:
    """Writes frames of one part, one after the other, to a Parquet file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> Writer:
        return self

    def write(self, frame: DataFrame) -> int:
        """Add rows; returns their number."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        if frame.empty:
            return 0
        schema = None if self._file is None else self._file.schema
        rows = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        if self._file is None:
            self._file = ParquetWriter(self._path, rows.schema, compression="snappy")
        self._file.write_table(rows)
        return len(frame)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def assign(frame: DataFrame, split: Split, id_column: str | None) -> NDArray[np.object_]:
    """The part of each row of a typed table, shape [n].

    Raises SluiceError if split.by_time cannot order the rows.
    """
    if split.by_time is not None:
        return _by_time(frame, split)
    return _parts_of(_places(frame, split, id_column), split)


def _places(frame: DataFrame, split: Split, id_column: str | None) -> NDArray[np.float64]:
    """The hash of each row as a number from 0 to 1, shape [n]; equal for the rows of a group."""
    identities = _identities(frame, split.group_column or id_column)
    return np.array([_fraction(split.salt, identity) for identity in identities])


def _parts_of(place: NDArray[np.float64], split: Split) -> NDArray[np.object_]:
    edges = np.cumsum([split.holdout, split.validation, split.latest])
    return np.array(PARTS, object)[np.searchsorted(edges, place, side="right")]


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
    """Where each part but the first begins, as an index of a time; every part gets at least one
    time.

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
