"""Writes a day of simulated traffic to a scoring log, with the server's own writer."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from sluice.metrics import Floats, Ints
from sluice.monitor.rehearse.traffic import Pool, Script
from sluice.package.manifest import Manifest
from sluice.scoring_log.compact import compact
from sluice.scoring_log.record import LoggedColumn, LogRecord, SegmentHeader
from sluice.scoring_log.writer import LogWriter, Rotation

DAY = 86_400_000_000  # microseconds
_WHOLE = Rotation(bytes=2**40, seconds=1e9, sync=1e9)
HOSTS = ("host-1", "host-2")


class DayLog:
    """Writes days to a folder, one file for each day; the hosts alternate."""

    def __init__(self, folder: Path, pool: Pool, manifest: Manifest) -> None:
        self._folder, self._pool, self._manifest = folder, pool, manifest
        signature = pool.signature
        logged = {column.name for column in signature.inputs if not column.sensitive}
        self._numbers = [at for at, name in enumerate(signature.numbers) if name in logged]
        self._categories = [at for at, name in enumerate(signature.categories) if name in logged]
        self._columns = (
            *(LoggedColumn(signature.numbers[at], "number") for at in self._numbers),
            *(LoggedColumn(signature.categories[at], "category") for at in self._categories),
        )
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, day: int, rows: Ints, random: np.random.Generator) -> tuple[list[Path], Ints]:
        """Write the rows of a day (since 1970); returns the new files and the rows' times."""
        times = day * DAY + np.sort(random.integers(0, DAY, len(rows)))
        signature, manifest = self._pool.signature, self._manifest
        header = SegmentHeader(
            manifest.name,
            manifest.version,
            manifest.digest,
            HOSTS[day % len(HOSTS)],
            f"rehearsal{day}",
            signature.task,
            signature.classes,
            self._columns,
        )
        writer = LogWriter(self._folder, header, _WHOLE)
        writer.write(
            [self._record(day, at, int(row), int(times[at])) for at, row in enumerate(rows)]
        )
        writer.close()
        return compact(self._folder), times

    def _record(self, day: int, at: int, row: int, time: int) -> LogRecord:
        pool = self._pool
        numbers = [
            None if np.isnan(value) else float(value)
            for value in pool.tensors.numbers[row, self._numbers]
        ]
        texts = [text or None for text in pool.tensors.categories[row, self._categories]]
        decision = None
        if pool.signature.classes:
            decision = pool.signature.classes[int(pool.scores.decisions[row])]
        score = pool.scores.values[row].tolist()
        ident = id_of(day, at)
        return LogRecord(time, ident, 0, ident, [*numbers, *texts], score, decision, 0.002)


def id_of(day: int, at: int) -> str:
    """The id of a row; each row is a separate event."""
    return f"{day}-{at}"


class Labels:
    """A file of labels for outcomes that become known later."""

    def __init__(self, path: Path, pool: Pool, script: Script) -> None:
        self._path, self._pool, self._script = path, pool, script
        self._known: list[tuple[int, str, str]] = []

    def add(self, day: int, times: Ints, truth: Floats | Ints, random: np.random.Generator) -> None:
        """Add the outcomes of a day's rows; half of the delay is fixed, the rest is random."""
        half = self._script.delay / 2
        delays = (half + random.exponential(half, len(times))) * DAY
        classes = self._pool.signature.classes
        for at, (time, delay) in enumerate(zip(times, delays, strict=True)):
            value = classes[int(truth[at])] if classes else repr(float(truth[at]))
            self._known.append((int(time + delay), id_of(day, at), value))

    def write(self, until: int) -> int:
        """Write what is known at the end of a day (since 1970); returns the number of labels."""
        known = [label for label in self._known if label[0] < (until + 1) * DAY]
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["id", "truth", "known_at"])
        for time, ident, value in known:
            rows.writerow([ident, value, f"{np.datetime64(time, 'us')}Z"])
        self._path.write_text(text.getvalue(), "utf-8")
        return len(known)
