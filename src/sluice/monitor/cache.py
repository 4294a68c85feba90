"""Caches the summaries of files that no longer change, so that the next run need not read them.

The summaries of a day's files are in one JSON file, in a folder named by the bins, segments and
format that they were made with. A lost or damaged cache costs only time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from sluice import __version__, files
from sluice.monitor.log_files import LogFile
from sluice.monitor.summary import FORMAT, FileSummary
from sluice.sketch.reference import Reference

_REPEATS = "repeats"

T = TypeVar("T")


class _Kept(msgspec.Struct, frozen=True):
    """bytes, seconds: the size and the time of the file when it was read."""

    bytes: int
    seconds: float
    summary: FileSummary


class Cache:
    """The cached summaries of one folder of the log. folder: None caches nothing."""

    def __init__(self, folder: Path | None, given: str, reference: Reference) -> None:
        source = files.sha256(f"{__version__} {FORMAT} {Path(given).absolute()}".encode())[:16]
        self._folder = folder and folder / f"{reference.digest}-{source}"
        self._known: dict[str, dict[str, _Kept]] = {}
        self._changed: set[str] = set()
        self._repeats: dict[str, tuple[int, ...]] | None = None
        self._used: dict[str, tuple[int, ...]] = {}

    def find(self, file: LogFile) -> FileSummary | None:
        """The cached summary of the file, unless the file has changed."""
        kept = self._shard(_shard_of(file)).get(_name(file))
        same = kept is not None and (kept.bytes, kept.seconds) == (file.bytes, file.seconds)
        return kept.summary if kept is not None and same else None

    def keep(self, file: LogFile, summary: FileSummary) -> None:
        """Cache the summary of a file, unless the file may still grow or could not be read."""
        if file.segment or file.problem or summary.problem:
            return
        shard = _shard_of(file)
        self._shard(shard)[_name(file)] = _Kept(file.bytes, file.seconds, summary)
        self._changed.add(shard)

    def recall(self, digest: str) -> tuple[int, ...] | None:
        """The positions of repeated rows that were remembered for these files."""
        if self._repeats is None:
            self._repeats = self._read(_REPEATS, dict[str, tuple[int, ...]])
        return self._repeats.get(digest)

    def remember(self, digest: str, positions: tuple[int, ...]) -> None:
        """Cache the positions of repeated rows; those that no run uses any more are dropped."""
        self._used[digest] = positions

    def write(self) -> None:
        """Write the new summaries."""
        if self._folder is None:
            return
        if self._used != (self._repeats or {}):
            content = msgspec.json.encode(self._used)
            files.write(self._folder / f"{_REPEATS}.json", content)
        for shard in sorted(self._changed):
            content = msgspec.json.encode(self._known[shard])
            files.write(self._folder / f"{shard}.json", content)
        self._changed.clear()

    def _shard(self, name: str) -> dict[str, _Kept]:
        if name not in self._known:
            self._known[name] = self._read(name, dict[str, _Kept])
        return self._known[name]

    def _read(self, name: str, kind: type[dict[str, T]]) -> dict[str, T]:
        if self._folder is None:
            return {}
        try:
            content = (self._folder / f"{name}.json").read_bytes()
            return msgspec.json.decode(content, type=kind)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}


def _name(file: LogFile) -> str:
    """The name of the file, and of its content that is counted."""
    return f"{file.name} without {file.without}" if file.without else file.name


def _shard_of(file: LogFile) -> str:
    """The first eight characters of the name, which are the day in the names of the log."""
    name = Path(file.name).name[:8]
    return name if name.isdigit() else "other"
