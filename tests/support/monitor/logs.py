"""Write a scoring log as the server does, with rows and times of the test's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.model import Model, Signature
from sluice.package.archive import opened
from sluice.scoring_log import arrow, file_names
from sluice.scoring_log.record import LoggedColumn, LogRecord, SegmentHeader, line
from support.fixture_project import Toy

DAY = 86_400
END = date(2026, 3, 31)  # the last day of the logs


@dataclass(frozen=True)
class Logged:
    """A model as the log names it; it scores the rows that are put into the log."""

    signature: Signature
    header: SegmentHeader
    model: Model

    @classmethod
    def of(cls, toy: Toy) -> Logged:
        return cls.of_package(toy.package)

    @classmethod
    def of_package(cls, file: Path) -> Logged:
        with opened(file) as package:
            model, manifest = Model(package.model), package.manifest
        signature = model.signature
        columns = tuple(
            LoggedColumn(name, kind)
            for kind, names in (("number", signature.numbers), ("category", signature.categories))
            for name in names
        )
        header = SegmentHeader(
            manifest.name,
            manifest.version,
            manifest.digest,
            "host-1",
            "one",
            signature.task,
            signature.classes,
            columns,
        )
        return cls(signature, header, model)

    def named(self, **changes: str) -> Logged:
        """This model under another version, host or name."""
        header = SegmentHeader(
            **{
                **{name: getattr(self.header, name) for name in self.header.__struct_fields__},
                **changes,
            }
        )
        return replace(self, header=header)

    def records(
        self, frame: pd.DataFrame, seconds: Sequence[float], ids: Sequence[str | None]
    ) -> list[LogRecord]:
        """The records of the rows of a table, scored at these times (since 1970)."""
        names = [column.name for column in self.signature.inputs]
        plain = frame[names].astype(object).where(frame[names].notna(), None)
        rows = plain.to_dict("records")
        scores = self.model.score_records(rows)
        order = [column.name for column in self.header.columns]
        return [
            LogRecord(
                int(when * 1e6),
                f"q-{at}",
                0,
                ids[at],
                [_logged(rows[at][name]) for name in order],
                scores.values[at].tolist(),
                self.signature.classes[int(scores.decisions[at])]
                if self.signature.classes
                else None,
                0.002,
                segment=None if scores.segments is None else scores.segments[at],
            )
            for at, when in enumerate(seconds)
        ]


def put_log(
    folder: Path,
    logged: Logged,
    frame: pd.DataFrame,
    *,
    days: int,
    ids: Sequence[str | None] | None = None,
    end: date = END,
    segment: bool = False,
    seed: int = 1,
) -> list[Path]:
    """Put the rows into a log of one file a day, spread over the days up to `end`."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    named = ids or [f"{logged.header.host}-{seed}-{at}" for at in range(len(frame))]
    last = datetime.fromisoformat(f"{end}T00:00:00+00:00").timestamp()
    written = []
    for back, rows in enumerate(np.array_split(np.arange(len(frame)), days)):
        start = last - (days - 1 - back) * DAY
        times = start + np.sort(random.uniform(0, DAY, len(rows)))
        records = logged.records(frame.iloc[rows], times.tolist(), [named[at] for at in rows])
        written.append(put_file(folder, logged.header, records, start, segment=segment))
    return written


def put_file(
    folder: Path,
    header: SegmentHeader,
    records: list[LogRecord],
    start: float,
    *,
    segment: bool = False,
) -> Path:
    """Write one file of the log."""
    path = file_names.segment_path(folder, start, header.host, header.instance, 1)
    if segment:
        path.write_bytes(b"".join(map(line, [header, *records])))
        return path
    path = path.with_suffix(file_names.PARQUET)
    pq.write_table(pa.Table.from_batches([arrow.batch(header, records)]), path)
    return path


def _logged(value: object) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return float(value)  # type: ignore[arg-type]
