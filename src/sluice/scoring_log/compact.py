"""Segments that have no writer any more become Parquet: `python -m sluice.scoring_log.compact`.

Killed at any moment, it leaves the segment, or the whole Parquet file, or both;
with both there, the segment is the one to go.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from sluice.errors import SluiceError
from sluice.scoring_log import file_names
from sluice.scoring_log.record import FORMAT, LogRecord, Segment, SegmentHeader

_ROWS = 20_000  # at a time, so that memory stays flat
_ABANDONED = 3600.0  # seconds after which a hidden segment cannot be in the making


def compact(folder: Path) -> list[Path]:
    """Returns the Parquet files written.

    Raises SluiceError for a segment that cannot become one, after all others have.
    """
    written, trouble = [], []
    for path in file_names.list_segments(folder):
        with lock_if_abandoned(path) as mine:
            try:
                if mine and (target := _compact(path)):
                    written.append(target)
            except SluiceError as error:
                trouble.append(error)
    for path in folder.glob(f".*{file_names.SEGMENT}"):
        with suppress(FileNotFoundError):  # it has got its name meanwhile
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
    if trouble:
        raise trouble[0]
    return written


@contextmanager
def lock_if_abandoned(path: Path) -> Iterator[bool]:
    """Hold a segment if nobody else does and it is still there."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield False
        return
    with file:
        yield _locked(file)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0


def _compact(path: Path) -> Path | None:
    target = path.with_suffix(file_names.PARQUET)
    segment = Segment(path)
    records = segment.records()
    if target.exists():
        deque(records, maxlen=0)  # only to see whether any is damaged
    else:
        first = next(records, None)
        if first is not None:
            if segment.header is None or segment.header.format != FORMAT:
                raise SluiceError(f"{path}: not a segment of format {FORMAT}; left as it is")
            _write(target, segment.header, first, records)
    if segment.damaged:
        os.replace(path, path.with_suffix(file_names.DAMAGED))
    else:
        path.unlink()
    _sync(path.parent)
    return target if target.exists() else None


def _write(
    target: Path, header: SegmentHeader, first: LogRecord, rest: Iterator[LogRecord]
) -> None:
    from pyarrow import parquet

    from sluice.scoring_log import arrow

    hidden = file_names.unfinished_path(target)
    try:
        with parquet.ParquetWriter(hidden, arrow.schema(header), compression="zstd") as writer:
            chunk = [first, *islice(rest, _ROWS - 1)]
            while chunk:
                writer.write_batch(arrow.batch(header, chunk))
                chunk = list(islice(rest, _ROWS))
        _sync(hidden)
        os.replace(hidden, target)
        _sync(target.parent)
    except OSError as error:
        raise SluiceError(f"{target}: cannot be written: {error.strerror or error}") from None
    finally:
        hidden.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


if __name__ == "__main__":
    try:
        compact(Path(sys.argv[1]))
    except (SluiceError, OSError) as trouble:
        sys.exit(f"sluice: {trouble}")
