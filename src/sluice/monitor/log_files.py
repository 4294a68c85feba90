"""Finds the files of a log: Parquet, segments that are still written, and results of `sluice
score`.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sluice.errors import SluiceError
from sluice.scoring_log.file_names import DAMAGED, PARQUET, SEGMENT

_URL = re.compile(r"[a-z][a-z0-9+.-]+://")


@dataclass(frozen=True)
class LogFile:
    """A file of the log.

    place: a path, or a URL for pyarrow. name: for messages. seconds: the time of its last change,
    since 1970. problem: why it is not read; empty if it is. without: the positions of rows that are
    left out, because they were logged twice (`repeats`); ascending.
    """

    place: str
    name: str
    bytes: int
    seconds: float
    problem: str = ""
    without: tuple[int, ...] = ()

    @property
    def remote(self) -> bool:
        return bool(_URL.match(self.place))

    @property
    def segment(self) -> bool:
        """Whether this is a text file of the server's log, which may still grow."""
        return self.place.endswith(SEGMENT)

    @property
    def damaged(self) -> bool:
        """Whether this file keeps the lines of a converted segment that could not be read."""
        return self.place.endswith(DAMAGED)


def is_url(given: str) -> bool:
    """Whether this is a URL."""
    return bool(_URL.match(given))


def find(given: str) -> list[LogFile]:
    """The files of a folder, a glob pattern, one file or a URL; sorted, with each record in only
    one file.

    A segment that also exists as Parquet is left out. Links are not followed, but listed with
    that problem. Raises SluiceError if there is nothing of that name.
    """
    if _URL.match(given):
        found = list(_remote(given))
    elif Path(given).is_dir():
        found = [_file(path, path.relative_to(given).as_posix()) for path in _walk(Path(given))]
    elif Path(given).exists():
        found = [_file(Path(given), Path(given).name)]
    elif glob.has_magic(given):
        found = [_file(Path(path), path) for path in sorted(glob.glob(given, recursive=True))]
        found = [file for file in found if Path(file.place).is_file()]
    else:
        raise SluiceError(f"{given}: no such file or folder")
    found = [file for file in found if _belongs(file.place)]
    converted = {_stem(file.place) for file in found if file.place.endswith(PARQUET)}
    return sorted(
        (file for file in found if not (file.segment and _stem(file.place) in converted)),
        key=lambda file: file.name,
    )


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        folders[:] = sorted(n for n in folders if n not in links and not n.startswith((".", "_")))
        yield from (Path(parent) / name for name in sorted([*names, *links]))


def _file(path: Path, name: str) -> LogFile:
    if path.is_symlink():
        return LogFile(str(path), name, 0, 0.0, "is a link, which is not followed")
    state = path.stat()
    return LogFile(str(path), name, state.st_size, state.st_mtime)


def _belongs(place: str) -> bool:
    path = PurePosixPath(place)
    hidden = path.name.startswith((".", "_"))
    return (
        not hidden
        and (
            path.suffix in (PARQUET, SEGMENT, DAMAGED)
            or (not _URL.match(place) and Path(place).is_dir())
        )
        and not path.name.endswith(f".quarantine{PARQUET}")
    )


def _stem(place: str) -> str:
    return place.rpartition(".")[0]


def _remote(url: str) -> Iterator[LogFile]:
    """The Parquet files under a URL such as s3://bucket/log."""
    import pyarrow as pa
    from pyarrow import fs

    try:
        files, root = fs.FileSystem.from_uri(url)
        info = files.get_file_info(root)
        if info.type == fs.FileType.NotFound:
            raise SluiceError(f"{url}: no such file or folder")
        listed = [info]
        if info.type == fs.FileType.Directory:
            listed = files.get_file_info(fs.FileSelector(root, recursive=True))
    except (OSError, pa.ArrowException) as error:
        raise SluiceError(f"{url}: cannot be listed: {str(error).splitlines()[0]}") from None
    scheme = url.partition("://")[0]
    for one in listed:
        if one.type != fs.FileType.File:
            continue
        name = os.path.relpath(one.path, root) if one.path != root else PurePosixPath(root).name
        seconds = one.mtime.timestamp() if one.mtime else 0.0
        problem = "" if one.path.endswith(PARQUET) else "only Parquet is read from a URL"
        yield LogFile(f"{scheme}://{one.path}", name, one.size or 0, seconds, problem)
