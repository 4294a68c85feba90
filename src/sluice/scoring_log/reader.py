"""Reads the scoring log: segments and Parquet files, each record once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sluice.errors import SluiceError
from sluice.scoring_log import file_names
from sluice.scoring_log.record import SHARED, LogRecord, Segment, SegmentHeader


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """Records as dictionaries, file by file, from the oldest file to the newest.

    A segment that is converted while the log is read is read from its Parquet file.
    Raises SluiceError if the folder does not exist or a segment has no header.
    """
    if not folder.is_dir():
        raise SluiceError(f"{folder}: no such folder")
    # List segments first, so that one that is converted between the two listings is not missed.
    found = {path.stem for path in file_names.list_segments(folder)}
    found |= {path.stem for path in folder.glob(f"*{file_names.PARQUET}") if path.name[0] != "."}
    for stem in sorted(found):
        yield from _file(folder / stem)


def _file(stem: Path) -> Iterator[dict[str, Any]]:
    segment, parquet = stem.with_name(stem.name + file_names.SEGMENT), _parquet(stem)
    if not parquet.exists():
        try:
            yield from _segment(Segment(segment))
            return
        except FileNotFoundError:  # it was converted to Parquet
            pass
    import pyarrow as pa
    from pyarrow import parquet as pq

    try:
        table = pq.ParquetFile(parquet)
    except FileNotFoundError:  # the segment had no records and was removed
        return
    for batch in table.iter_batches():
        times = batch.column("time").cast(pa.int64()).to_pylist()
        for time, row in zip(times, batch.to_pylist(), strict=True):
            # Files of earlier servers do not have these columns.
            yield {"x_request_id": None, "segment": None} | row | {"time": time}


def _parquet(stem: Path) -> Path:
    return stem.with_name(stem.name + file_names.PARQUET)


def _segment(segment: Segment) -> Iterator[dict[str, Any]]:
    for record in segment.records():
        if segment.header is None:
            raise SluiceError(f"{segment.path}: the segment has no header line")
        yield _plain(segment.header, record)


def _plain(header: SegmentHeader, record: LogRecord) -> dict[str, Any]:
    plain = msgspec.structs.asdict(record)
    features = plain.pop("features")
    if header.columns:
        named = [column.name for column in header.columns]
        plain["features"] = dict(zip(named, features, strict=True))
    return plain | {name: getattr(header, name) for name in SHARED}
