"""A log as a table for a terminal: a line for each version and host."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sluice.monitor.log import Source
from sluice.text import one_line

_HEAD = ("version", "host", "rows", "since", "until", "median", "longest gap")


def of_sources(sources: Sequence[Source]) -> list[str]:
    """A table, as wide as its content."""
    rows = [_HEAD, *(tuple(map(one_line, _row(source))) for source in sources)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(source: Source) -> tuple[str, ...]:
    gap = ""
    if source.gaps:
        start, hours = source.gaps[0]
        gap = f"{hours} hours from {moment(start * 3_600_000_000)}"
    return (
        f"{source.package} {source.version}",
        source.host,
        f"{source.rows:,}",
        moment(source.first),
        moment(source.last),
        "" if source.latency is None else f"{1000 * source.latency:.3g} ms",
        gap,
    )


def moment(microseconds: int) -> str:
    """A time, UTC, to the minute."""
    try:
        return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return "an impossible time"
