"""Writes the scoring log: appends records to a segment, and starts new segments."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import SluiceError
from sluice.scoring_log import file_names
from sluice.scoring_log.record import LogRecord, SegmentHeader, line

_OPEN = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND


class LogError(SluiceError):
    """Records could not be written, so their requests must not be acknowledged."""


@dataclass(frozen=True)
class Rotation:
    """When a new segment begins, and when records are flushed to disk.

    bytes, seconds: the size and the age at which a segment ends. sync: seconds
    between flushes to disk; 0 flushes after every write.
    """

    bytes: int
    seconds: float
    sync: float


class LogWriter:
    """Appends records to a segment that stays locked as long as this process runs.

    failure: why a flush to disk failed, empty if none did. After such a failure nothing is written
    any more. Raises LogError if the folder cannot be written.
    """

    def __init__(self, folder: Path, header: SegmentHeader, rotation: Rotation) -> None:
        self._folder, self._rotation = folder, rotation
        self._header = header
        self._number = 0
        self._done = threading.Event()
        self._ended: list[int] = []
        self._lock = threading.Lock()
        self.failure = ""
        self._open()
        self._syncer = threading.Thread(target=self._sync_regularly, daemon=True)
        if rotation.sync:
            self._syncer.start()

    def write(self, records: list[LogRecord]) -> None:
        """Append all records, or raise LogError and leave none of them in the log."""
        if self.failure:
            raise LogError(self.failure)
        if self._size > self._rotation.bytes or time.monotonic() > self._ends:
            self.rotate()
        self._append(b"".join([line(record) for record in records]))

    def rotate(self) -> None:
        """Start a new segment, and release the lock of the old one, which may now be converted."""
        old = self._file
        self._open()
        with self._lock:
            self._ended.append(old)
        if not self._rotation.sync:
            self._sync()

    def tick(self) -> None:
        """Start a new segment if the current one has records and is too old."""
        if time.monotonic() > self._ends and self._size > self._empty:
            self.rotate()

    def free(self) -> int:
        """Free bytes on the log's disk."""
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def close(self) -> None:
        """Flush and close the segment; the writer cannot be used afterwards."""
        self._done.set()
        if self._rotation.sync:
            self._syncer.join()
        with self._lock:
            self._ended.append(self._file)
        self._sync()

    def _open(self) -> None:
        self._number += 1
        header = self._header
        path = file_names.segment_path(
            self._folder, time.time(), header.host, header.instance, self._number
        )
        hidden = file_names.unfinished_path(path)
        try:
            file = os.open(hidden, _OPEN, 0o640)
        except OSError as error:
            raise _cannot(self._folder, error) from None
        try:
            # Lock it before it gets its visible name, so that no other process can claim it.
            fcntl.flock(file, fcntl.LOCK_EX)
            start = line(header)
            if os.write(file, start) != len(start):
                raise OSError("no space left")
            os.rename(hidden, path)
        except OSError as error:
            os.close(file)
            hidden.unlink(missing_ok=True)
            raise _cannot(self._folder, error) from None
        self._file, self._size, self._empty = file, len(start), len(start)
        self._ends = time.monotonic() + self._rotation.seconds

    def _append(self, text: bytes) -> None:
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if not self._rotation.sync:
                os.fdatasync(self._file)
        except OSError as error:
            # The request is refused, so its records must not stay in the log.
            os.ftruncate(self._file, self._size)
            raise _cannot(self._folder, error) from None
        self._size += len(text)

    def _sync_regularly(self) -> None:
        while not self._done.wait(self._rotation.sync):
            self._sync()

    def _sync(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        try:
            for file in ended:
                os.fdatasync(file)
                os.close(file)
            if self._file not in ended:
                os.fdatasync(self._file)
        except OSError as error:
            self.failure = str(_cannot(self._folder, error))


def _cannot(folder: Path, error: OSError) -> LogError:
    return LogError(f"the scoring log {folder} cannot be written: {error.strerror or error}")
