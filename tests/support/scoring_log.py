"""Segments of a scoring log for the tests: their header, their records, and what is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sluice.scoring_log.reader import read
from sluice.scoring_log.record import LoggedColumn, LogRecord, SegmentHeader
from sluice.scoring_log.writer import Rotation

COLUMNS = (LoggedColumn("weight", "number"), LoggedColumn("colour", "category"))
NEVER = Rotation(bytes=2**40, seconds=1e9, sync=1e9)


def header(instance: str = "one", **changes: Any) -> SegmentHeader:
    shared: dict[str, Any] = {
        "package": "toy",
        "version": "2026.01.02-abc",
        "digest": "d" * 64,
        "host": "host-1",
        "instance": instance,
        "task": "binary",
        "classes": ("no", "yes"),
        "columns": COLUMNS,
    }
    return SegmentHeader(**(shared | changes))


def record(number: int, **changes: Any) -> LogRecord:
    shared: dict[str, Any] = {
        "time": 1_700_000_000_000_000 + number,
        "request": f"r-{number}",
        "row": 0,
        "id": None,
        "features": [number + 0.5, None if number % 3 == 0 else "rot\nblau"],
        "score": 0.25,
        "decision": "no",
        "latency": 0.001,
        "x_request_id": f"x-{number}",
    }
    return LogRecord(**(shared | changes))


def requests(folder: Path) -> list[str]:
    return [found["request"] for found in read(folder)]
