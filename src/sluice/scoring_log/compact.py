"""Converts segments without a writer to Parquet: `python -m sluice.scoring_log.compact FOLDER`.

If the process is killed, the segment, the complete Parquet file or both remain. If both remain, the
next run removes the segment.
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

from sluice import files
from sluice.errors import SluiceError
from sluice.scoring_log import file_names
from sluice.scoring_log.record import FORMAT, LogRecord, Segment, SegmentHeader

_ROWS = 20_000  # written at a time, which bounds the memory
_ABANDONED = 3600.0  # age in seconds at which an unfinished segment is removed


def compact(folder: Path) -> list[Path]:
    """Convert all segments of the folder that no process writes to.

    Returns the Parquet files. Raises SluiceError if a segment could not be converted,
    after all others were.
    """
    written, errors = [], []
    for path in file_names.list_segments(folder):
        with lock_if_abandoned(path) as locked:
            try:
                if locked and (target := _compact(path)):
                    written.append(target)
            except SluiceError as error:
                errors.append(error)
    for path in folder.glob(f".*{file_names.SEGMENT}"):
        with suppress(FileNotFoundError):  # its writer has just renamed it
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
    if errors:
        raise errors[0]
    return written


@contextmanager
def lock_if_abandoned(path: Path) -> Iterator[bool]:
    """Lock a segment; yields False if another process has locked or removed it."""
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
        deque(records, maxlen=0)  # read only to count the damaged lines
    else:
        first = next(records, None)
        if first is not None:
            if segment.header is None or segment.header.format != FORMAT:
                raise SluiceError(
                    f"{path}: not a segment of log format {FORMAT}; it is left unchanged"
                )
            _write(target, segment.header, first, records)
    if segment.damaged:
        os.replace(path, path.with_suffix(file_names.DAMAGED))
    else:
        path.unlink()
    files.sync(path.parent)
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
        files.replace(hidden, target)
    except OSError as error:
        raise SluiceError(f"{target}: cannot be written: {error.strerror or error}") from None
    finally:
        hidden.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        compact(Path(sys.argv[1]))
    except (SluiceError, OSError) as error:
        sys.exit(f"sluice: {error}")
