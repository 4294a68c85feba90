"""A Parquet file that appears complete or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sluice import files
from sluice.errors import SluiceError


class ParquetSink:
    """Writes under a hidden name in the target's folder, and renames the file at `commit`.

    The hidden name is always the same, so the next run overwrites what a killed run
    left behind. A lock on it refuses a second run at the same time.

    rows: how many were written. All methods raise SluiceError if writing fails.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        with writing(path):
            self._file = _claim(self._part)
            try:
                self._writer = pq.ParquetWriter(self._file, schema)
            except BaseException:
                self._part.unlink()
                self._file.close()
                raise

    def __enter__(self) -> ParquetSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._file.closed:
            self._discard()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch of the schema."""
        if batch.num_rows:
            with writing(self._path):
                self._writer.write_batch(batch)
            self.rows += batch.num_rows

    def commit(self) -> None:
        """Finish the file and move it to the target."""
        with writing(self._path):
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            os.replace(self._part, self._path)
            files.sync(self._path.parent)
            self._file.close()

    def withdraw(self) -> None:
        """Discard the file, and remove the one that an earlier run left in its place."""
        with writing(self._path):
            self._discard()
            self._path.unlink(missing_ok=True)

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        # On a full disk, closing fails; the content is not needed.
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        with suppress(OSError):
            self._file.close()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert errors while a file is written to SluiceError."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise SluiceError(f"{path}: cannot be written: {reason}") from None


def _claim(part: Path) -> BinaryIO:
    """Open and lock the file; start again if another run replaced or removed it in between."""
    while True:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise SluiceError(f"{part}: another run is writing this file") from None
        if part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat()):
            file.truncate()
            return file
        file.close()
