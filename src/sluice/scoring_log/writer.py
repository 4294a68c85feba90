"""One worker's end of the log: append, rotate, and never answer for what is not written."""

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
    """The log cannot be written, so nothing may be acknowledged."""


@dataclass(frozen=True)
class Rotation:
    """bytes, seconds: when a segment ends. sync: seconds between flushes to the disk, or 0."""

    bytes: int
    seconds: float
    sync: float


class LogWriter:
    """Appends records to a segment that is locked as long as this process lives.

    `failure` says what the disk refused to keep; nothing is written after that.
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
        self._syncer = threading.Thread(target=self._sync_now_and_then, daemon=True)
        if rotation.sync:
            self._syncer.start()

    def write(self, records: list[LogRecord]) -> None:
        """Append all of the records, or raise LogError and leave none of them behind."""
        if self.failure:
            raise LogError(self.failure)
        if self._size > self._rotation.bytes or time.monotonic() > self._ends:
            self.rotate()
        self._append(b"".join([line(record) for record in records]))

    def rotate(self) -> None:
        """Go on in a new segment; unlocked, the old one is anyone's to turn into Parquet."""
        old = self._file
        self._open()
        with self._lock:
            self._ended.append(old)
        if not self._rotation.sync:
            self._sync()

    def tick(self) -> None:
        """Rotate a segment that grew old without a request, if it holds a record."""
        if time.monotonic() > self._ends and self._size > self._empty:
            self.rotate()

    def free(self) -> int:
        """Bytes left on the log's disk."""
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def close(self) -> None:
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
            # Locked before it has its name, so nobody ever sees it without its writer.
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
            # What was refused must not look as if it had been scored.
            os.ftruncate(self._file, self._size)
            raise _cannot(self._folder, error) from None
        self._size += len(text)

    def _sync_now_and_then(self) -> None:
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
