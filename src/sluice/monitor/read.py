"""Reads a file of the log in batches with the columns of the scoring log's Parquet files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sluice.labels import Levels
from sluice.metrics import Floats
from sluice.monitor import columns
from sluice.monitor.log_files import LogFile
from sluice.scoring_log import arrow
from sluice.scoring_log.record import FORMAT, SHARED, Segment
from sluice.sketch.bins import Bins
from sluice.sketch.reference import Reference

SEGMENT = "segment"
BATCH_HOST = "sluice score"  # the host of records from batch runs
_ROWS = 65_536
_DATE = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")
_TEXT = pa.dictionary(pa.int32(), pa.string())
_KINDS = {pa.float64(): "number", pa.string(): "category", _TEXT: "category"}
_RESULT = b"sluice.package"


class UnreadableError(Exception):
    """A file that does not belong to a log, or is damaged; the message says which."""


@dataclass
class OpenedFile:
    """A file that is being read. The batches also have the column `segment`, if the file has it.

    features: the type of each logged input. classes: the classes of the model; None if the file
    does not name them. dated: where the records' day comes from, if they have no time of their own.
    damaged: lines of a segment with a wrong checksum, known once all batches were read.
    """

    kind: str
    features: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    dated: str = ""
    damaged: int = 0

    @property
    def columns(self) -> list[str]:
        """The names of the columns of each batch besides the logged inputs."""
        return ["time", "id", *SHARED, "score", "decision", "latency"]


def batches(
    file: LogFile,
    opened: OpenedFile,
    reference: Reference,
    *,
    coded: bool = False,
    inputs: bool = True,
) -> Iterator[pa.RecordBatch]:
    """All records of a file but those in `file.without`; `opened` is filled in before the first
    batch.

    reference: says how to read the input columns in a result of `sluice score`. coded: all texts
    except the ids may be dictionary arrays, which are quicker to read. inputs: if False, the input
    columns may be left out.

    Raises UnreadableError for a file that cannot be read to the end.
    """
    every = _all(file, opened, reference, coded=coded, inputs=inputs)
    return _counted(every, file.without) if file.without else every


def _counted(every: Iterator[pa.RecordBatch], without: tuple[int, ...]) -> Iterator[pa.RecordBatch]:
    left_out, start = np.array(without), 0
    for batch in every:
        kept = ~np.isin(np.arange(start, start + batch.num_rows), left_out)
        start += batch.num_rows
        if kept.any():
            yield batch.filter(pa.array(kept))


def _all(
    file: LogFile, opened: OpenedFile, reference: Reference, *, coded: bool, inputs: bool
) -> Iterator[pa.RecordBatch]:
    try:
        if file.segment:
            yield from _segment(file, opened)
        elif file.damaged:
            _count_damage(file, opened)
        else:
            yield from _parquet(file, opened, reference, coded=coded, inputs=inputs)
    except (OSError, pa.ArrowException, msgspec.MsgspecError, ValueError) as error:
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or ["?"])[0]
        raise UnreadableError(reason) from None


def _segment(file: LogFile, opened: OpenedFile) -> Iterator[pa.RecordBatch]:
    """The intact records of a segment, which may be written to or converted in the meantime."""
    opened.kind = "segment"
    segment = Segment(Path(file.place))
    records = segment.records()
    while chunk := list(islice(records, _ROWS)):
        header = segment.header
        if header is None or header.format != FORMAT:
            raise UnreadableError(f"is not a segment of log format {FORMAT}")
        opened.features = {column.name: column.type for column in header.columns}
        opened.classes = header.classes
        yield arrow.batch(header, chunk)
    opened.damaged = segment.damaged


def _count_damage(file: LogFile, opened: OpenedFile) -> None:
    """The damage in a segment whose intact records were converted to Parquet."""
    opened.kind = "damaged"
    segment = Segment(Path(file.place))
    for _ in segment.records():
        pass
    opened.damaged = segment.damaged


def _parquet(
    file: LogFile, opened: OpenedFile, reference: Reference, *, coded: bool, inputs: bool
) -> Iterator[pa.RecordBatch]:
    texts = [f"features.{one.bins.name}" for one in reference.features]
    with closing(open_parquet(file, ["decision", SEGMENT, *texts] if coded else ())) as source:
        schema = source.schema_arrow
        metadata = schema.metadata or {}
        if _RESULT in metadata:
            yield from _results(file, opened, reference, source)
            return
        absent = [name for name in opened.columns if name not in schema.names]
        if absent:
            raise UnreadableError(
                f"is neither a scoring log nor a result of 'sluice score': no column {absent[0]!r}"
            )
        opened.kind = "parquet"
        if "features" in schema.names:
            struct = schema.field("features").type
            if not pa.types.is_struct(struct):
                raise UnreadableError("its column 'features' is not a struct")
            parts = [struct.field(at) for at in range(struct.num_fields)]
            opened.features = {part.name: _KINDS.get(part.type, str(part.type)) for part in parts}
        if b"classes" in metadata:
            opened.classes = tuple(map(str, json.loads(metadata[b"classes"])))
        wanted = [*opened.columns, *(["features"] if inputs and opened.features else [])]
        # Servers of earlier versions did not log the segment.
        wanted += [SEGMENT] if SEGMENT in schema.names else []
        # Callers that count coded texts read several files at the same time.
        yield from source.iter_batches(_ROWS, columns=wanted, use_threads=not coded)


def open_parquet(file: LogFile, texts: Iterable[str] = ()) -> pq.ParquetFile:
    """texts: the columns whose texts are read as codes, if the file has them."""
    place: Any = file.place
    if file.remote:
        from pyarrow import fs

        files, path = fs.FileSystem.from_uri(file.place)
        place = files.open_input_file(path)
    metadata = pq.read_metadata(place)
    schema = metadata.schema
    known = {schema.column(at).path for at in range(len(schema))}.intersection(texts)
    return pq.ParquetFile(place, metadata=metadata, read_dictionary=sorted(known))


def _results(
    file: LogFile, opened: OpenedFile, reference: Reference, source: pq.ParquetFile
) -> Iterator[pa.RecordBatch]:
    """The rows of a result of `sluice score`, all on the day in its name."""
    opened.kind = "scores"
    schema = source.schema_arrow
    metadata = schema.metadata or {}
    said = {"package": _RESULT, "version": b"sluice.version", "digest": b"sluice.digest"}
    shared = {name: metadata.get(key, b"").decode() for name, key in said.items()}
    shared |= {"host": BATCH_HOST, "instance": file.name}
    scores = [name for name in schema.names if name == "score" or name.startswith("score.")]
    if not scores:
        raise UnreadableError("is a result of 'sluice score' without a column 'score'")
    if len(scores) > 1:
        opened.classes = tuple(name.removeprefix("score.") for name in scores)
    kept = [one.bins for one in reference.features if one.bins.name in schema.names]
    for bins in kept:
        held = schema.field(bins.name).type
        fits = bins.type == "category" or pa.types.is_integer(held) or pa.types.is_floating(held)
        opened.features[bins.name] = bins.type if fits else str(held)
    kept = [bins for bins in kept if opened.features[bins.name] == bins.type]
    time, opened.dated = _day(file)
    # With segments, the last column is theirs; underscores distinguish it from an input's name.
    last = schema.names[-1]
    segment = last if last.rstrip("_") == SEGMENT else None
    for batch in source.iter_batches(_ROWS):
        made = _as_log(
            batch, shared=shared, time=time, scores=scores, kept=kept, named=reference.id
        )
        yield made.append_column(SEGMENT, batch.column(segment)) if segment else made


def _as_log(
    batch: pa.RecordBatch,
    *,
    shared: dict[str, str],
    time: int,
    scores: list[str],
    kept: list[Bins],
    named: str | None,
) -> pa.RecordBatch:
    n = batch.num_rows
    has_id = named in batch.schema.names
    columns: dict[str, pa.Array] = {
        "time": pa.repeat(pa.scalar(time, pa.timestamp("us", "UTC")), n),
        "id": batch.column(named).cast(pa.string()) if has_id else pa.nulls(n, pa.string()),
        "latency": pa.nulls(n, pa.float64()),
        "decision": pa.nulls(n, pa.string()),
    }
    for name, value in shared.items():
        codes = pa.repeat(pa.scalar(0, pa.int32()), n)
        columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array([value]))
    if "decision" in batch.schema.names:
        columns["decision"] = batch.column("decision")
    columns["score"] = batch.column(scores[0])
    if len(scores) > 1:
        rows = np.column_stack([batch.column(name).to_numpy() for name in scores])
        columns["score"] = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), len(scores))
    if kept:
        parts = [_kept(batch.column(bins.name), bins) for bins in kept]
        columns["features"] = pa.StructArray.from_arrays(parts, names=[bins.name for bins in kept])
    return pa.RecordBatch.from_pydict(columns)


def _kept(column: pa.Array, bins: Bins) -> pa.Array:
    if bins.type == "number":
        return column.cast(pa.float64(), safe=False)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    levels = Levels(bins.levels)
    known = pa.array([levels.of(value) for value in column.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(column.indices, known).dictionary_decode()


def scores(column: pa.Array, count: int) -> Floats:
    """The scores in the column `score` of a batch, one row for each of `count` scores: [count, n].

    Raises ValueError if a record has another number of scores.
    """
    if isinstance(column.type, (pa.ListType, pa.FixedSizeListType)):
        return column.flatten().to_numpy().reshape(len(column), count).T
    return columns.floats(column)[None]


def coded(texts: pa.Array) -> tuple[list[str | None], NDArray[np.int32]]:
    """The distinct texts, with None for missing ones, and the index of each row's text among
    them.
    """
    if not pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_encode()
    known, codes = texts.dictionary.to_pylist(), texts.indices
    if codes.null_count:
        codes = codes.fill_null(len(known))
        known.append(None)
    return known, columns.integers(codes)


def _day(file: LogFile) -> tuple[int, str]:
    """Microseconds since 1970 of the file's day, and where the day comes from."""
    for text in reversed(Path(file.name).parts):
        if match := _DATE.search(text):
            try:
                day = datetime.strptime("".join(match.groups()), "%Y%m%d").replace(tzinfo=UTC)
            except ValueError:
                continue
            return int(day.timestamp()) * 1_000_000, "the date in its name"
    return int(file.seconds) * 1_000_000, "when it was last modified"
