"""Caches the summaries of files that no longer change, so that the next run need not read them.

The summaries of a day's files are in one JSON file, in a folder named by the bins, segments and
format that they were made with. A lost or damaged cache costs only time.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from sluice import __version__, files
from sluice.monitor.log_files import LogFile
from sluice.monitor.summary import FORMAT, FileSummary
from sluice.sketch.reference import Reference


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

    def find(self, file: LogFile) -> FileSummary | None:
        """The cached summary of the file, unless the file has changed."""
        kept = self._shard(_shard_of(file)).get(file.name)
        same = kept is not None and (kept.bytes, kept.seconds) == (file.bytes, file.seconds)
        return kept.summary if kept is not None and same else None

    def keep(self, file: LogFile, summary: FileSummary) -> None:
        """Cache the summary of a file, unless the file may still grow or could not be read."""
        if file.segment or file.problem or summary.problem:
            return
        shard = _shard_of(file)
        self._shard(shard)[file.name] = _Kept(file.bytes, file.seconds, summary)
        self._changed.add(shard)

    def write(self) -> None:
        """Write the new summaries."""
        if self._folder is None:
            return
        for shard in sorted(self._changed):
            content = msgspec.json.encode(self._known[shard])
            files.write(self._folder / f"{shard}.json", content)
        self._changed.clear()

    def _shard(self, name: str) -> dict[str, _Kept]:
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> dict[str, _Kept]:
        if self._folder is None:
            return {}
        try:
            content = (self._folder / f"{name}.json").read_bytes()
            return msgspec.json.decode(content, type=dict[str, _Kept])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}


def _shard_of(file: LogFile) -> str:
    """The first eight characters of the name, which are the day in the names of the log."""
    name = Path(file.name).name[:8]
    return name if name.isdigit() else "other"
