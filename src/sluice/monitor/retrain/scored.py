"""The scored rows whose outcome is known: the log's inputs joined with the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.monitor import read, repeats
from sluice.monitor.read import OpenedFile, UnreadableError
from sluice.monitor.truth import join, labels
from sluice.monitor.truth.join import ScoredLog
from sluice.monitor.truth.labels import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pandas import DataFrame

_TYPES = {"number": pa.float64(), "category": pa.string()}


@dataclass(frozen=True)
class ScoredRows:
    """frame: [n] one row for each id, in the order of the ids, with all columns of the data; the id
    and the categories are text. rescored: examples of ids that were scored with different inputs
    and are left out, and their number.
    """

    frame: DataFrame
    rescored: tuple[str, ...]
    rescored_ids: int


def find(file: Path, log: ScoredLog, settings: Settings, columns: list[str]) -> ScoredRows:
    """The rows of all versions of the monitored model whose label can be used.

    columns: the columns of the data. The newest score that is not later than the label counts.
    Raises SluiceError for a column that neither the log nor the labels have.
    """
    with join.opened_database() as database:
        known = labels.load(database, file, settings)
        labels.clean(database, settings, known.extras)
        names = [f.bins.name for f in log.reference.features if f.bins.name in columns]
        _require_columns(file, settings, columns, names, known.extras)
        _load(database, log, names)
        other = _rescored(database, names)
        extras = [name for name in known.extras if name in columns and name not in names]
        chosen = ", ".join(
            ["l.id", "l.truth", *(f"s.{quoted(n)}" for n in names)]
            + [f"l.{quoted(n)}" for n in extras]
        )
        frame = database.execute(
            f"select {chosen} from labels l join scored s using (id) "  # noqa: S608 - quoted
            "where s.time <= l.known and l.id not in (select id from rescored) "
            "qualify row_number() over (partition by l.id order by s.time desc) = 1 order by l.id"
        ).df()
    data = settings.data
    frame = frame.rename(columns={"id": data.id, "truth": data.target})
    if settings.task != "regression":
        frame[data.target] = [settings.classes[at] for at in frame[data.target]]
    return ScoredRows(frame[columns], other[0], other[1])


def _require_columns(
    file: Path, settings: Settings, columns: list[str], names: list[str], extras: tuple[str, ...]
) -> None:
    have = {settings.data.id, settings.data.target, *names, *extras}
    if absent := [name for name in columns if name not in have]:
        raise SluiceError(
            f"{file}: lacks the columns {', '.join(map(repr, absent))}, which the data has and the "
            "log does not: add them, so that the rows can be added to the data"
        )


def _load(database: DuckDBPyConnection, log: ScoredLog, names: list[str]) -> None:
    """The table `scored` of all records whose id has a label, with their inputs."""
    kinds = {f.bins.name: _TYPES[f.bins.type] for f in log.reference.features}
    fields = [("id", pa.string()), ("time", pa.int64()), *((n, kinds[n]) for n in names)]
    schema = pa.schema(fields)
    stream = pa.RecordBatchReader.from_batches(schema, _records(log, schema, names))
    database.register("stream", stream)
    database.execute("create table scored as select * from stream semi join labels using (id)")
    database.unregister("stream")


def _records(log: ScoredLog, schema: pa.Schema, names: list[str]) -> Iterator[pa.RecordBatch]:
    """The inputs of the monitored model's records; files that lack one of them are left out."""
    usable = {s.name for s in log.summaries if not set(s.differences) & set(names)}
    for file in repeats.counted_files(log.given, log.summaries):
        if file.name not in usable or file.problem:
            continue
        try:
            for batch in read.batches(file, OpenedFile(""), log.reference):
                mine = pc.equal(batch.column("package").cast(pa.string()), log.subject.package)
                rows = batch.filter(mine)
                held = rows.schema.field("features").type if names else ()
                parts = dict(zip((f.name for f in held), _parts(rows, names), strict=True))
                columns = [rows.column("id"), rows.column("time").cast(pa.int64())]
                columns += [parts[name].cast(schema.field(name).type) for name in names]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
        except UnreadableError:
            continue  # the verdict on the log names the problem


def _parts(rows: pa.RecordBatch, names: list[str]) -> list[pa.Array]:
    return list(rows.column("features").flatten()) if names else []


def _rescored(database: DuckDBPyConnection, names: list[str]) -> tuple[tuple[str, ...], int]:
    """The table `rescored` of ids with more than one set of inputs."""
    inputs = ", ".join(f"s.{quoted(name)}" for name in names)
    database.execute(
        f"create table rescored as select id from scored s group by id "  # noqa: S608 - quoted
        f"having count(distinct row({inputs})) > 1"
        if names
        else "create table rescored as select id from scored where false"
    )
    found = database.execute("select id from rescored order by id").fetchall()
    return tuple(str(one) for (one,) in found[:3]), len(found)
