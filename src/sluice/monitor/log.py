"""The content of the log: what each version and host scored and when, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from sluice.monitor import windows
from sluice.monitor.summary import LATENCIES, Cell, FileSummary
from sluice.monitor.windows import Subject
from sluice.verdict import Bound, Finding, Status

GATE = "log"
_RULE = "a fixed rule of sluice"
_MOST_NAMED = 5
_STALE = 2  # from this many days without records, the log is not up to date
_LONG_GAP = 6  # gaps that are listed for a host that scores in most hours
_HOUR = 3_600_000_000


class Source(msgspec.Struct, frozen=True):
    """What one host scored with one version.

    first, last: times in microseconds since 1970. gaps: periods without records, each as its first
    hour (since 1970) and its number of hours. latency: the median in seconds, rounded up to a bin.
    """

    package: str
    version: str
    host: str
    rows: int
    first: int
    last: int
    days: int
    with_id: int
    decisions: dict[str, int]
    gaps: tuple[tuple[int, int], ...]
    latency: float | None


def sources(summaries: Sequence[FileSummary]) -> list[Source]:
    """A source for each version and host, in the order of their first records."""
    by: dict[tuple[str, str, str, str], list[Cell]] = {}
    for summary in summaries:
        for cell in summary.cells:
            key = cell.key
            by.setdefault((key.package, key.version, key.digest, key.host), []).append(cell)
    return sorted((_source(cells) for cells in by.values()), key=lambda s: (s.first, s.host))


def _source(cells: list[Cell]) -> Source:
    decisions: dict[str, int] = {}
    for cell in cells:
        for name, count in cell.decisions.items():
            decisions[name] = decisions.get(name, 0) + count
    key = cells[0].key
    return Source(
        key.package,
        key.version,
        key.host,
        sum(cell.rows for cell in cells),
        min(cell.first for cell in cells),
        max(cell.last for cell in cells),
        len({cell.key.day for cell in cells}),
        sum(cell.with_id for cell in cells),
        dict(sorted(decisions.items())),
        _gaps(cells),
        _median_latency(cells),
    )


def _gaps(cells: Sequence[Cell]) -> tuple[tuple[int, int], ...]:
    """Hours without records between the first and the last, the longest ones first."""
    busy = sorted(
        {24 * c.key.day + hour for c in cells for hour, rows in enumerate(c.hours) if rows}
    )
    if len(busy) < 2 or len(busy) * 2 < busy[-1] - busy[0]:
        return ()
    found = [(a + 1, b - a - 1) for a, b in pairwise(busy) if b - a - 1 >= _LONG_GAP]
    return tuple(sorted(found, key=lambda gap: -gap[1])[:20])


def _median_latency(cells: Sequence[Cell]) -> float | None:
    total = windows.total([cell.latencies for cell in cells], len(LATENCIES) + 1)
    if not total.sum():
        return None
    at = int(np.searchsorted(np.cumsum(total), total.sum() / 2))
    return LATENCIES[min(at, len(LATENCIES) - 1)]


def findings(summaries: Sequence[FileSummary], subject: Subject, now: int) -> list[Finding]:
    """Whether the log can be read, is up to date and fits the monitored model."""
    files = len(summaries)
    if not files:
        return [Finding(f"{GATE}/files", Status.INSUFFICIENT, "the log has no files", n=0)]
    unreadable = [f"{s.name}: {s.problem}" for s in summaries if s.problem]
    damaged = [f"{s.name}: {_lines(s.damaged)}" for s in summaries if s.damaged]
    ahead = sorted({host for s in summaries for host in s.ahead})
    future = sorted(
        {c.key.host for s in summaries for c in s.cells if c.last > (now + 1) * 24 * _HOUR}
    )
    named = sorted({*ahead, *future})
    return [
        _none_of(
            "files that could not be read", unreadable, files, "their records are not counted"
        ),
        _none_of("files with damaged records", damaged, files, "these records cannot be read"),
        _none_of(
            "hosts whose clock is ahead", named, files, "their records are counted on the wrong day"
        ),
        _up_to_date(summaries, subject, now),
        _columns(summaries, subject),
        _ids(summaries, subject),
        *_repeated(summaries),
        *_dated(summaries),
    ]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _none_of(what: str, found: list[str], files: int, consequence: str) -> Finding:
    bound = Bound(_RULE, high=0)
    name = f"{GATE}/{what}"
    if not found:
        return Finding(name, Status.PASS, f"none in {files:,} files", 0, n=files, bound=bound)
    more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
    why = f"{len(found):,}, {consequence}: {'; '.join(found[:_MOST_NAMED])}{more}"
    return Finding(name, Status.FAIL, why, len(found), n=files, bound=bound)


def _up_to_date(summaries: Sequence[FileSummary], subject: Subject, now: int) -> Finding:
    name, bound = f"{GATE}/up to date", Bound(_RULE, high=_STALE)
    cells = windows.cells_of(summaries, subject)
    if not cells:
        others = sorted({cell.key.package for s in summaries for cell in s.cells})
        of = f", but of {', '.join(others)[:200]}" if others else ""
        why = f"the log has no records of {subject.package!r}{of}"
        return Finding(name, Status.INSUFFICIENT, why, n=0, bound=bound)
    newest = max(cell.key.day for cell in cells)
    rows, age = sum(cell.rows for cell in cells), now - newest
    why = f"{rows:,} records, the newest of {windows.day(newest)}"
    if age <= _STALE:
        return Finding(name, Status.PASS, why, max(0, age), n=rows, bound=bound)
    why += f", {age} days ago: check that the server still logs to this place"
    return Finding(name, Status.INSUFFICIENT, why, age, n=rows, bound=bound)


def _columns(summaries: Sequence[FileSummary], subject: Subject) -> Finding:
    found: dict[str, int] = {}
    mine = [s for s in summaries if any(c.key.package == subject.package for c in s.cells)]
    for summary in mine:
        for column, why in summary.differences.items():
            text = f"{column!r} {why}"
            found[text] = found.get(text, 0) + 1
    name, bound = f"{GATE}/columns that cannot be compared", Bound(_RULE, high=0)
    if not found:
        return Finding(name, Status.PASS, "none", 0, n=len(mine), bound=bound)
    listed = [f"{text} ({files:,} of {len(mine):,} files)" for text, files in found.items()]
    more = f" and {len(listed) - _MOST_NAMED:,} more" if len(listed) > _MOST_NAMED else ""
    why = f"{'; '.join(listed[:_MOST_NAMED])}{more}"
    return Finding(name, Status.INSUFFICIENT, why, len(listed), n=len(mine), bound=bound)


def _ids(summaries: Sequence[FileSummary], subject: Subject) -> Finding:
    cells = windows.cells_of(summaries, subject)
    rows, with_id = sum(c.rows for c in cells), sum(c.with_id for c in cells)
    share = with_id / rows if rows else 0.0
    why = f"{share:.1%} of {rows:,} records; true outcomes are joined by it"
    status = Status.PASS if with_id else Status.INSUFFICIENT
    if not with_id:
        why += ": send the id column with each row"
    return Finding(f"{GATE}/records with an id", status, why, share, n=rows)


def _repeated(summaries: Sequence[FileSummary]) -> list[Finding]:
    """Rows that were logged twice because a proxy sent their request to another server too."""
    rows = sum(len(summary.repeated) for summary in summaries)
    if not rows:
        return []
    of = sorted(s.name for s in summaries if s.repeated)
    more = f" and {len(of) - _MOST_NAMED:,} more" if len(of) > _MOST_NAMED else ""
    why = (
        f"{rows:,}, counted once: the servers of these files were killed or paused before they "
        f"answered, and the proxy sent the requests again: {', '.join(of[:_MOST_NAMED])}{more}"
    )
    return [Finding(f"{GATE}/rows that were logged twice", Status.PASS, why, rows, n=rows)]


def _dated(summaries: Sequence[FileSummary]) -> list[Finding]:
    """Results of `sluice score` have no times, so their day was inferred."""
    said: dict[str, int] = {}
    for summary in summaries:
        if summary.dated:
            said[summary.dated] = said.get(summary.dated, 0) + 1
    if not said:
        return []
    how = "; ".join(f"{dated}: {files:,} files" for dated, files in sorted(said.items()))
    why = f"results of 'sluice score' have no times, so each file counts as one day: {how}"
    return [Finding(f"{GATE}/days of batch results", Status.PASS, why, n=sum(said.values()))]
