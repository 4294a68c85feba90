"""Rows that were logged twice, because a proxy sent their request to another server too.

A proxy sends a request again if the first server was killed or stopped before it answered, or if
the proxy itself was paused. Both records have the same `x_request_id`. The first one, whose answer
nobody received, is not counted. It is always one of the last that its server wrote before a
silence, so only the records around silences are compared. This way the summary of a file remains
small and independent of other files, which the ids of all requests would not be.

No record says that its request was sent again: Traefik repeats it with the same headers. And most
requests that are sent again were not logged before, because their first server refused them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from sluice import files
from sluice.monitor import around, log_files
from sluice.monitor.around import Around, Span, merged
from sluice.monitor.cache import Cache
from sluice.monitor.log_files import LogFile
from sluice.monitor.read import UnreadableError
from sluice.monitor.silences import SILENCE
from sluice.monitor.summary import FileSummary
from sluice.sketch.distinct import Hashes

_SECOND = 1_000_000  # microseconds
# Records that a server had written in this time before a silence may not have been answered. A
# proxy that pauses leaves all requests open that it sent within some milliseconds.
_OPEN = _SECOND
# A proxy sends a request again within this time, after all of its time-outs.
_LATEST = 60 * _SECOND

_NONE = np.empty(0, np.uint64)

Record = tuple[int, str, int]  # its time, its file and its position there


@dataclass(frozen=True)
class _Case:
    """A file with silences, and the files that have records shortly after one of them.

    open, looked: when unanswered records were written, and when their repetitions may have been.
    """

    file: LogFile
    open: tuple[Span, ...]
    looked: tuple[Span, ...]
    others: tuple[LogFile, ...]

    @property
    def digest(self) -> str:
        """Identifies the content of all files of this case."""
        of = [(one.name, one.bytes, one.seconds) for one in (self.file, *self.others)]
        return files.sha256(repr((of, self.open)).encode())[:16]

    @property
    def final(self) -> bool:
        """Whether none of the files can still grow."""
        return not any(one.segment for one in (self.file, *self.others))


@dataclass
class _Call:
    """The records of one row of one call, with the same inputs.

    open: those that may not have been answered.
    """

    open: list[Record] = field(default_factory=list)
    answered: list[Record] = field(default_factory=list)

    def unanswered(self) -> Iterator[Record]:
        """The records that were not answered, because the call was sent again.

        Only the last record of a call can have been answered. If two were, the callers have used
        one id for several calls, and each of them counts.
        """
        if len(self.answered) > 1:
            return
        for record in self.open:
            later = [other for other in self.open if other > record]
            if any(abs(other[0] - record[0]) <= _LATEST for other in (*later, *self.answered)):
                yield record


def find(given: Sequence[LogFile], summaries: Sequence[FileSummary], cache: Cache) -> list[LogFile]:
    """The files with rows that must not be counted, which they name as `without`."""
    known = {summary.name: file for file, summary in zip(given, summaries, strict=True)}
    spans = {one.name: (_first(one), _last(one)) for one in summaries if one.cells}
    ends = _ends([one for one in summaries if one.name in spans])
    cases = list(_cases(known, spans, ends))
    made = {one.file.name: at for one in cases if (at := cache.recall(one.digest)) is not None}
    new = [one for one in cases if one.file.name not in made]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for case, at in zip(new, pool.map(lambda one: _repeated(one, ends), new), strict=True):
            made[case.file.name] = at
    for case in cases:
        if case.final:
            cache.remember(case.digest, made[case.file.name])
    return [replace(case.file, without=at) for case in cases if (at := made[case.file.name])]


def counted_files(given: str, summaries: Iterable[FileSummary]) -> list[LogFile]:
    """The files of a log for a reader of single rows, without the rows that are not counted."""
    without = {summary.name: summary.repeated for summary in summaries}
    return [replace(file, without=without.get(file.name, ())) for file in log_files.find(given)]


def _first(summary: FileSummary) -> int:
    return min(cell.first for cell in summary.cells)


def _last(summary: FileSummary) -> int:
    return max(cell.last for cell in summary.cells)


def _ends(summaries: Sequence[FileSummary]) -> dict[str, tuple[Span, ...]]:
    """When the server of each file became silent, ascending.

    Not at the end of a file that another one continues, and not at the end of the whole log, which
    nothing can follow yet.
    """
    starts: dict[str, list[int]] = defaultdict(list)
    for one in summaries:
        starts[one.instance].append(_first(one))
    newest = max(map(_last, summaries), default=0)
    found = {}
    for one in summaries:
        spans = one.silences
        if spans and spans[-1][0] == spans[-1][1]:
            last = spans[-1][1]
            if any(last < start < last + SILENCE for start in starts[one.instance]):
                spans = spans[:-1]
        open_ = [(first - _OPEN, last) for first, last in spans if first < newest]
        found[one.name] = tuple(merged(open_))
    return found


def _cases(
    known: dict[str, LogFile], spans: dict[str, Span], ends: dict[str, tuple[Span, ...]]
) -> Iterator[_Case]:
    names = list(spans)
    first, last = np.array(list(spans.values()), np.int64).reshape(-1, 2).T
    for name, silences in ends.items():
        if not silences:
            continue
        looked = merged([(start, end + _LATEST) for start, end in silences])
        near = np.flatnonzero((first <= looked[-1][1]) & (last > looked[0][0]))
        others = tuple(known[names[at]] for at in near)
        if len(others) == 1 and silences[0][0] + _OPEN == spans[name][1]:
            continue  # nothing follows in this file either
        yield _Case(known[name], silences, tuple(looked), others)


def _repeated(case: _Case, ends: dict[str, tuple[Span, ...]]) -> tuple[int, ...]:
    """The positions of the file's records that another record of the same call replaces."""
    mine = _records(case.file, case.open)
    if mine is None:
        return ()
    twice = _twice(case, mine)
    calls: dict[tuple[int, str], _Call] = defaultdict(_Call)
    for other, keys in twice.items():
        found = _records(other, case.looked, inputs=True)
        if found is None:
            continue
        for at in np.flatnonzero(np.isin(found.calls, keys)).tolist():
            record = (int(found.times[at]), other.name, int(found.positions[at]))
            call = calls[int(found.calls[at]), found.inputs(at)]
            unsure = _is_open(record[0], ends.get(other.name, ()))
            (call.open if unsure else call.answered).append(record)
    repeated = [record for call in calls.values() for record in call.unanswered()]
    return tuple(sorted(place for _, name, place in repeated if name == case.file.name))


def _twice(case: _Case, mine: Around) -> dict[LogFile, Hashes]:
    """The calls of which there is more than one record, in each file."""
    found = {}
    for other in case.others:
        near = _records(other, case.looked)
        if near is not None and len(same := near.calls[np.isin(near.calls, mine.calls)]):
            found[other] = same
    calls, times = np.unique(np.concatenate([_NONE, *found.values()]), return_counts=True)
    several = calls[times > 1]
    return {other: several for other, same in found.items() if np.isin(same, several).any()}


def _is_open(time: int, ends: tuple[Span, ...]) -> bool:
    """Whether a record of this time may not have been answered."""
    return any(start < time <= end for start, end in ends)


def _records(file: LogFile, spans: Sequence[Span], *, inputs: bool = False) -> Around | None:
    try:
        return around.records(file, spans, inputs=inputs)
    except UnreadableError:
        return None  # its summary names the problem
