"""The summary of a log file: integer counts for each version, host and day; no rows.

Summaries are merged by addition, so any machine can make any of them.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.monitor import columns, read, segment_counts
from sluice.monitor.log_files import LogFile
from sluice.monitor.read import OpenedFile, UnreadableError
from sluice.monitor.silences import Silences
from sluice.sketch import distinct
from sluice.sketch.bins import Bins, count_between
from sluice.sketch.reference import Reference

# The format of cached summaries. Increase it whenever a file would get another summary than before.
FORMAT = 4
DAY = 86_400_000_000  # microseconds
_CLOCKS = 300.0  # seconds that clocks may differ
_MOST_UNSEEN = 5  # unseen values that are named, of each column
# The upper ends of the bins of latency, in seconds: each is twice the one before.
LATENCIES = tuple(2.0**k / 8192 for k in range(18))

# The exceptions of NumPy and Arrow for values that the log's format does not allow.
_MALFORMED = (pa.ArrowException, ValueError, TypeError, LookupError, OverflowError)

Ints = tuple[int, ...]


class Key(msgspec.Struct, frozen=True, order=True):
    """The version, host and day whose records a cell counts. day: days since 1970, UTC."""

    package: str
    version: str
    digest: str
    host: str
    day: int


class Cell(msgspec.Struct, frozen=True):
    """The counts of one version, host and day.

    with_id: rows that have an id. ids: the sketch of those ids. first, last: times in microseconds
    since 1970. hours: rows of each hour. features: rows in each bin of each of the reference's
    features; empty if the feature was not logged. scores: the same for the scores. unseen: some
    unseen values of each category. segments: the rows in each bin of the score, for each segment of
    the reference that has rows, by its place there.
    """

    key: Key
    rows: int
    with_id: int
    ids: str
    first: int
    last: int
    hours: Ints
    features: tuple[Ints, ...]
    scores: tuple[Ints, ...]
    decisions: dict[str, int]
    latencies: Ints
    unseen: dict[str, tuple[str, ...]] = {}
    segments: dict[int, Ints] = {}

    @property
    def sketch(self) -> distinct.Hashes:
        """The hashes in the sketch of the ids, ascending."""
        return np.frombuffer(base64.b64decode(self.ids), "<u8")


class FileSummary(msgspec.Struct, frozen=True):
    """The content of one file, or why it could not be read.

    problem: why it could not be read to the end; its intact records are counted anyway.
    differences: why columns of the reference cannot be compared. dated: where its records' day
    comes from, if they have no time. damaged: lines with a wrong checksum. ahead: hosts with
    records later than the file itself, whose clock is therefore ahead of the disk's. instance: the
    process that wrote its first record. silences: see there. repeated: the positions of rows that
    are not counted, because they were logged twice (`repeats`).
    """

    name: str
    kind: str
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    differences: dict[str, str] = {}
    dated: str = ""
    damaged: int = 0
    ahead: tuple[str, ...] = ()
    instance: str = ""
    silences: tuple[tuple[int, int], ...] = ()
    repeated: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        return sum(cell.rows for cell in self.cells)


def summarize(file: LogFile, reference: Reference) -> FileSummary:
    """Count the records of a file; if it cannot be read, the summary says why."""
    if file.problem:
        return FileSummary(file.name, "", problem=file.problem)
    opened, cells, problem = OpenedFile(""), dict[Key, Cell](), ""
    differences: dict[str, str] = {}
    instance, silences = "", Silences()
    try:
        for batch in read.batches(file, opened, reference, coded=True):
            differences = _differences(opened, reference, batch)
            instance = instance or str(batch.column("instance")[0])
            if not opened.dated:
                silences.add(columns.integers(batch.column("time")))
            for cell in _cells(batch, reference, differences):
                before = cells.get(cell.key)
                cells[cell.key] = add(before, cell) if before else cell
    except (UnreadableError, *_MALFORMED) as error:
        problem = (str(error).splitlines() or ["is malformed"])[0]
    ordered = tuple(cells[key] for key in sorted(cells))
    latest = int((file.seconds + _CLOCKS) * 1e6)
    ahead = {cell.key.host for cell in ordered if file.seconds and cell.last > latest}
    return FileSummary(
        file.name,
        opened.kind,
        ordered,
        problem,
        differences,
        opened.dated,
        opened.damaged,
        tuple(sorted(ahead)),
        instance,
        silences.found,
        file.without,
    )


def add(one: Cell, two: Cell) -> Cell:
    """The sum of both counts, under the key of the first."""
    names = sorted(one.decisions.keys() | two.decisions.keys())
    unseen = {
        name: tuple(sorted({*one.unseen.get(name, ()), *two.unseen.get(name, ())}))[:_MOST_UNSEEN]
        for name in sorted(one.unseen.keys() | two.unseen.keys())
    }
    return Cell(
        one.key,
        one.rows + two.rows,
        one.with_id + two.with_id,
        _packed(distinct.smallest(one.sketch, two.sketch)),
        min(one.first, two.first),
        max(one.last, two.last),
        _sum(one.hours, two.hours),
        tuple(map(_sum, one.features, two.features)),
        tuple(map(_sum, one.scores, two.scores)),
        {name: one.decisions.get(name, 0) + two.decisions.get(name, 0) for name in names},
        _sum(one.latencies, two.latencies),
        unseen,
        segment_counts.add(one.segments, two.segments),
    )


def _sum(one: Ints, two: Ints) -> Ints:
    if not one or not two:
        return one or two
    return tuple(a + b for a, b in zip(one, two, strict=True))


def _packed(sketch: distinct.Hashes) -> str:
    return base64.b64encode(sketch.astype("<u8").tobytes()).decode()


def _differences(opened: OpenedFile, reference: Reference, batch: pa.RecordBatch) -> dict[str, str]:
    """The columns that cannot be compared: not logged, or of another type."""
    found = {}
    for counted in reference.features:
        name, kind = counted.bins.name, opened.features.get(counted.bins.name)
        if kind is None:
            found[name] = "is not in the log"
        elif kind != counted.bins.type:
            found[name] = f"has the type {kind} in the log, and {counted.bins.type} in the package"
    several = isinstance(batch.schema.field("score").type, (pa.ListType, pa.FixedSizeListType))
    task = "multiclass" if several else "one score"
    if several != (reference.task == "multiclass"):
        found["score"] = f"is of another task ({task} in the log, {reference.task} in the package)"
    elif several and opened.classes is not None and opened.classes != reference.classes:
        found["score"] = "has other classes"
    if reference.segments is not None and read.SEGMENT not in batch.schema.names:
        found[read.SEGMENT] = "is not in the log"
    return found


def _cells(batch: pa.RecordBatch, reference: Reference, differences: dict[str, str]) -> list[Cell]:
    times = columns.integers(batch.column("time"))
    keys, whose = _keys(batch, times)
    parts = batch.column("features").flatten() if "features" in batch.schema.names else []
    names = [f.name for f in batch.schema.field("features").type] if parts else []
    logged = dict(zip(names, parts, strict=True))
    features, unseen = list[list[Ints]](), dict[str, tuple[str, ...]]()
    for counted in reference.features:
        if counted.bins.name in differences:
            features.append([()] * len(keys))
            continue
        column = logged[counted.bins.name]
        if counted.bins.type == "number":
            features.append(_numbers(columns.floats(column), counted.bins, whose, len(keys)))
            continue
        bins, others = _levels(column, counted.bins)
        features.append(_by_key(whose, bins, len(keys), counted.bins.size))
        if others:
            unseen[counted.bins.name] = others
    scores = _scores(batch.column("score"), whose, len(keys), reference, differences)
    decisions = _decisions(batch.column("decision"), whose, len(keys))
    latencies = _latencies(batch.column("latency"), whose, len(keys))
    segments = segment_counts.count(batch, reference, whose, len(keys), differences)
    hours = _by_key(whose, (times % DAY) // (DAY // 24), len(keys), 24)
    made = []
    for at, key in enumerate(keys):
        mine = whose == at
        ids = batch.column("id")
        ids = ids.filter(pa.array(mine)) if len(keys) > 1 else ids
        cell = Cell(
            key,
            int(mine.sum()),
            len(ids) - ids.null_count,
            _packed(distinct.of_texts(ids)),
            int(times[mine].min()),
            int(times[mine].max()),
            hours[at],
            tuple(counts[at] for counts in features),
            tuple(counts[at] for counts in scores),
            decisions[at],
            latencies[at],
            unseen,
            segments[at],
        )
        made.append(cell)
    return made


def _keys(batch: pa.RecordBatch, times: NDArray[np.int64]) -> tuple[list[Key], NDArray[np.intp]]:
    """The distinct keys of the rows, and the index of each row's key among them."""
    code = times // DAY
    texts = []
    for name in ("package", "version", "digest", "host"):
        column = batch.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        texts.append(column.dictionary.to_pylist())
        code = code * max(1, len(texts[-1])) + columns.integers(column.indices)
    if len(code) and code.min() == code.max():
        found, whose = code[:1], np.zeros(len(code), np.intp)
    else:
        found, whose = np.unique(code, return_inverse=True)
    keys = []
    for value in found.tolist():
        day, parts = value, list[str]()
        for known in reversed(texts):
            day, place = divmod(day, max(1, len(known)))
            parts.insert(0, str(known[place]))
        package, version, digest, host = parts
        keys.append(Key(package, version, digest, host, day))
    return keys, whose


def _numbers(
    values: NDArray[np.float64], bins: Bins, whose: NDArray[np.intp], keys: int
) -> list[Ints]:
    """The numbers of each key in each bin. Most files have a single key."""
    if keys == 1:
        return [tuple(bins.count_numbers(values).tolist())]
    return _by_key(whose, bins.of_numbers(values), keys, bins.size)


def _by_key(whose: NDArray[np.intp], bins: NDArray[Any], keys: int, size: int) -> list[Ints]:
    counts = np.bincount(whose * size + bins, minlength=keys * size).reshape(keys, size)
    return [tuple(row) for row in counts.tolist()]


def _levels(column: pa.Array, bins: Bins) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """The bin of each level, and some of the unseen ones."""
    known, codes = read.coded(column)
    places = bins.of_levels(known)
    others = np.flatnonzero(places == bins.other)
    if len(others):  # the codes may be of a file of which this is a part
        others = others[np.bincount(codes, minlength=len(known))[others] > 0]
    return places[codes], tuple(sorted(str(known[at])[:60] for at in others)[:_MOST_UNSEEN])


def _scores(
    column: pa.Array,
    whose: NDArray[np.intp],
    keys: int,
    reference: Reference,
    differences: dict[str, str],
) -> list[list[Ints]]:
    if "score" in differences:
        return [[()] * keys for _ in reference.scores]
    values = read.scores(column, len(reference.scores))
    return [
        _numbers(row, counted.bins, whose, keys)
        for counted, row in zip(reference.scores, values, strict=True)
    ]


def _decisions(column: pa.Array, whose: NDArray[np.intp], keys: int) -> list[dict[str, int]]:
    known, codes = read.coded(column)
    names = [name if name is None else str(name) for name in known]
    counts = _by_key(whose, codes, keys, len(names)) if names else []
    return [
        {name: n for name, n in zip(names, row, strict=True) if name is not None and n}
        for row in counts
    ] or [{}] * keys


def _latencies(column: pa.Array, whose: NDArray[np.intp], keys: int) -> list[Ints]:
    seconds = columns.floats(column)
    if keys == 1:
        return [tuple(count_between(LATENCIES, seconds)[:-1].tolist())]
    known = ~np.isnan(seconds)
    bins = np.searchsorted(np.array(LATENCIES), seconds[known], side="left")
    return _by_key(whose[known], bins, keys, len(LATENCIES) + 1)
