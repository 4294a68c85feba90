"""Arrow files, in the file format (Feather) and in the stream format.

They are read batch by batch, so it is their writer who decides how much memory that takes.
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
    parsed = False
    rows: int | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._batches() as (schema, _):
            self.columns = schema

    def batches(self, most: int) -> Iterator[RowBatch]:
        with self._batches() as (_, batches):
            yield from numbered(batches, most)

    @contextmanager
    def _batches(self) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        with reading(self._path, "Arrow"), pa.OSFile(str(self._path)) as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                file.seek(0)
                whole = pa.ipc.open_file(file)
                yield whole.schema, map(whole.get_batch, range(whole.num_record_batches))
            else:
                self._refuse_cut_short(file)
                stream = pa.ipc.open_stream(file)
                yield stream.schema, iter(stream)

    def _refuse_cut_short(self, file: pa.NativeFile) -> None:
        """A stream that ends between two batches looks whole but for its last mark."""
        file.seek(max(0, file.size() - len(_END)))
        if file.read() != _END:
            raise SluiceError(f"{self._path}: not an Arrow file, or one that was cut short")
        file.seek(0)
