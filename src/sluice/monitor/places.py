"""Files that are named by a path or by a URL such as s3://bucket/labels.csv."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from sluice.errors import SluiceError
from sluice.monitor.log_files import is_url


@contextmanager
def local_copy(given: str) -> Iterator[Path]:
    """The file itself, or a temporary copy of what a URL names.

    Raises SluiceError for a URL that cannot be read.
    """
    if not is_url(given):
        yield Path(given)
        return
    import pyarrow as pa
    from pyarrow import fs

    with TemporaryDirectory(prefix="sluice-") as scratch:
        target = Path(scratch) / PurePosixPath(given).name
        try:
            files, path = fs.FileSystem.from_uri(given)
            with files.open_input_stream(path) as source, target.open("wb") as stream:
                while chunk := source.read(1 << 22):
                    stream.write(chunk)
        except (OSError, pa.ArrowException) as error:
            reason = (str(error).splitlines() or ["?"])[0]
            raise SluiceError(f"{given}: cannot be read: {reason}") from None
        yield target
