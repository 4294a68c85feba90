"""Arrow files, in the file format (Feather) and in the stream format.

A file is read in the batches in which it was written, so large batches take much memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from sluice.errors import SluiceError
from sluice.serve.batch.row_file import RowBatch, numbered, reading

_MAGIC = b"ARROW1"
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class ArrowFile:
    """An Arrow file of either format; raises SluiceError if it cannot be read."""

    parsed = False
    rows: int | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._batches() as (schema, _):
            self.columns = schema

    def batches(self, most: int) -> Iterator[RowBatch]:
        """Read in batches of at most this many rows."""
        with self._batches() as (_, batches):
            yield from numbered(batches, most)

    @contextmanager
    def _batches(self) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        with reading(self._path, "Arrow"), pa.OSFile(str(self._path)) as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                file.seek(0)
                reader = pa.ipc.open_file(file)
                yield reader.schema, map(reader.get_batch, range(reader.num_record_batches))
            else:
                self._refuse_truncated(file)
                stream = pa.ipc.open_stream(file)
                yield stream.schema, iter(stream)

    def _refuse_truncated(self, file: pa.NativeFile) -> None:
        """Check for the end mark: a stream cut between two batches reads without an error."""
        file.seek(max(0, file.size() - len(_END)))
        if file.read() != _END:
            raise SluiceError(f"{self._path}: not an Arrow file, or the file is truncated")
        file.seek(0)
