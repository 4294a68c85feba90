"""The names of the log's files, which sort by time and are unique for each writer."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

SEGMENT, PARQUET, DAMAGED = ".segment", ".parquet", ".damaged"


def segment_path(folder: Path, seconds: float, host: str, instance: str, number: int) -> Path:
    """A new segment's path. seconds: since 1970; number: counts the segments of a writer."""
    when = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    plain = re.sub(r"[^A-Za-z0-9.]", "_", host)
    return folder / f"{when}-{plain}-{instance}-{number:06d}{SEGMENT}"


def unfinished_path(path: Path) -> Path:
    """The hidden name that a file has until it is complete."""
    return path.with_name(f".{path.name}")


def list_segments(folder: Path) -> list[Path]:
    """All complete segments of the folder, oldest first."""
    return [path for path in sorted(folder.glob(f"*{SEGMENT}")) if not path.name.startswith(".")]
