"""Reads the records of a log file that were written within some spans of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sluice.monitor import columns, read
from sluice.monitor.log_files import LogFile
from sluice.monitor.read import UnreadableError
from sluice.scoring_log import arrow
from sluice.scoring_log.record import Segment
from sluice.sketch import distinct
from sluice.sketch.distinct import Hashes

Span = tuple[int, int]  # microseconds since 1970; the end belongs to it, the start does not

_ROWS = 65_536
_TEXTS = ("package", "x_request_id", "row", "id")


@dataclass(frozen=True)
class Around:
    """positions, times: [n], of the records in their file. calls: [n] a hash for each row of each
    call. features: [n] the logged inputs; None if they were not read, or not logged.
    """

    positions: NDArray[np.int64]
    times: NDArray[np.int64]
    calls: Hashes
    features: pa.Array | None

    def inputs(self, at: int) -> str:
        """The inputs of a record as text."""
        return "" if self.features is None else str(self.features[at].as_py())


def merged(spans: Sequence[Span]) -> list[Span]:
    """The same times as spans that do not overlap, in their order."""
    made: list[Span] = []
    for low, high in sorted(spans):
        if made and low <= made[-1][1]:
            made[-1] = (made[-1][0], max(high, made[-1][1]))
        else:
            made.append((low, high))
    return made


def records(file: LogFile, spans: Sequence[Span], *, inputs: bool = False) -> Around | None:
    """The records in the spans, which do not overlap; None if there are none with a request id.

    inputs: whether to read the logged inputs too. Raises UnreadableError.
    """
    parts = []
    try:
        for start, batch in (
            _segment(file) if file.segment else _parquet(file, spans, inputs=inputs)
        ):
            times = columns.integers(batch.column("time"))
            inside = np.flatnonzero(_within(times, spans) & batch.column("x_request_id").is_valid())
            if len(inside):
                parts.append(_around(start, inside, times, batch))
    except (OSError, pa.ArrowException, msgspec.MsgspecError, ValueError) as error:
        raise UnreadableError(str(error)) from None
    if not parts:
        return None
    known = [part.features for part in parts if part.features is not None]
    return Around(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.calls for part in parts]),
        pa.concat_arrays(known) if len(known) == len(parts) else None,
    )


def _within(times: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.bool_]:
    lows, highs = (np.array(ends, np.int64) for ends in zip(*spans, strict=True))
    place = np.searchsorted(lows, times, side="left") - 1
    return (place >= 0) & (times <= highs[place])


def _around(
    start: int, inside: NDArray[np.intp], times: NDArray[np.int64], batch: pa.RecordBatch
) -> Around:
    chosen = batch.take(pa.array(inside))
    texts = [pc.fill_null(chosen.column(name).cast(pa.string()), "") for name in _TEXTS]
    known = chosen.column("features") if "features" in chosen.schema.names else None
    calls = pc.binary_join_element_wise(*texts, "\x1f")
    return Around(start + inside, times[inside], distinct.hashes(calls), known)


def _segment(file: LogFile) -> Iterator[tuple[int, pa.RecordBatch]]:
    """All intact records, and the position of the first one of each batch."""
    segment, start = Segment(Path(file.place)), 0
    found = segment.records()
    while chunk := list(islice(found, _ROWS)):
        if segment.header is None:
            return
        yield start, arrow.batch(segment.header, chunk)
        start += len(chunk)


def _parquet(
    file: LogFile, spans: Sequence[Span], *, inputs: bool
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The row groups whose times may be in the spans, and the position of their first records."""
    with closing(read.open_parquet(file)) as source:
        names = source.schema_arrow.names
        if not {"time", *_TEXTS}.issubset(names):
            return
        start, wanted = 0, ["time", *_TEXTS]
        wanted += ["features"] if inputs and "features" in names else []
        for number in range(source.num_row_groups):
            group = source.metadata.row_group(number)
            if _overlaps(group, spans):
                for table in source.read_row_group(number, wanted).combine_chunks().to_batches():
                    yield start, table
            start += group.num_rows


def _overlaps(group: pq.RowGroupMetaData, spans: Sequence[Span]) -> bool:
    """Whether the group may have records in the spans that have a request id."""
    for at in range(group.num_columns):
        column = group.column(at)
        known = column.statistics
        if known is None:
            continue
        if column.path_in_schema == "x_request_id" and known.null_count == group.num_rows:
            return False
        if column.path_in_schema == "time" and known.has_min_max:
            first, last = known.min_raw, known.max_raw
            if not any(low < last and first <= high for low, high in spans):
                return False
    return True
