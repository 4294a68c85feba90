"""The names of a log's files: they sort by time, and no two writers share one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

SEGMENT, PARQUET, DAMAGED = ".segment", ".parquet", ".damaged"


def segment_path(folder: Path, seconds: float, host: str, instance: str, number: int) -> Path:
    when = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    plain = re.sub(r"[^A-Za-z0-9.]", "_", host)
    return folder / f"{when}-{plain}-{instance}-{number:06d}{SEGMENT}"


def unfinished_path(path: Path) -> Path:
    """Hidden, until it is whole."""
    return path.with_name(f".{path.name}")


def list_segments(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob(f"*{SEGMENT}")) if not path.name.startswith(".")]
