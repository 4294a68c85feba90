"""Joins labels with the records of the log, in DuckDB, which can use the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sluice.config import Settings
from sluice.metrics import Floats, Ints, Predictions
from sluice.monitor import read, repeats, segment_counts
from sluice.monitor.read import OpenedFile, UnreadableError
from sluice.monitor.summary import FileSummary
from sluice.monitor.truth import labels
from sluice.monitor.truth.labels import Problem
from sluice.monitor.windows import Subject
from sluice.sketch.reference import Reference

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DAY = 86_400_000_000
STRANGERS = "of ids that the log does not have"
SPELLED = "of these, with an id that the log has in another spelling"
_STRANGERS = "select id from labels anti join scored using (id)"
_MANY = 0.01  # if a larger share of ids is unknown, their spelling is compared with the log's
# Normalises ids that differ in case, blanks, leading zeros or decimals that are zero.
_FOLDED = "regexp_replace(ltrim(lower(trim({id})), '0'), '\\.0+$', '')"


@dataclass(frozen=True)
class ScoredLog:
    """A log with its summaries, and the model whose records are read."""

    given: str
    summaries: Sequence[FileSummary]
    reference: Reference
    subject: Subject


@dataclass(frozen=True)
class Joined:
    """The labelled records, one for each version and id.

    truth: [n] class indices or numbers. scores: [n], or [n, classes]. decisions: [n] class indices,
    or the scores of a regression. days: [n] since 1970, of the score. known: [n] the day on which
    the label became known. versions: [n] digests. segments: [n] places in the reference's segments,
    or -1 if the log does not name the segment. extras: [n] rows of further columns. labels: the
    lines of the file. corrected: the labels that a newer one replaced.
    """

    truth: Ints | Floats
    scores: Floats
    decisions: Ints | Floats
    days: Ints
    known: Ints
    versions: np.ndarray
    segments: Ints
    extras: pa.Table
    labels: int = 0
    corrected: int = 0
    problems: tuple[Problem, ...] = ()

    def rows(self, chosen: np.ndarray) -> Joined:
        """The records that a mask of shape [n] selects."""
        return replace(
            self,
            truth=self.truth[chosen],
            scores=self.scores[chosen],
            decisions=self.decisions[chosen],
            days=self.days[chosen],
            known=self.known[chosen],
            versions=self.versions[chosen],
            segments=self.segments[chosen],
            extras=self.extras.filter(pa.array(chosen)),
        )

    def predictions(self, settings: Settings) -> Predictions:
        """The records in the form that the metrics need."""
        costs, classes = settings.selection.costs, tuple(settings.classes)
        return Predictions(settings.task, self.truth, self.scores, self.decisions, costs, classes)


def join(
    file: Path,
    log: ScoredLog,
    settings: Settings,
) -> Joined:
    """Join a file of labels with the records of all versions of the monitored model.

    For each id, the newest label counts, and the newest score that is not later than it.
    Raises SluiceError for a file of labels that cannot be read.
    """
    with opened_database() as database:
        columns = labels.load(database, file, settings)
        total = _number(database, "select count(*) from raw")
        problems, corrected = labels.clean(database, settings, columns.extras)
        _load_records(database, log)
        problems += _without_record(database)
        strangers = _number(database, f"select count(*) from ({_STRANGERS})")  # noqa: S608
        if strangers > _MANY * max(1, total):
            stream = _stream(log)
            problems += _spelled_otherwise(database, stream)
        database.execute(
            "create table joined as select l.*, s.* exclude (id) from labels l "
            "join scored s using (id) where s.time <= l.known "
            "qualify row_number() over (partition by l.id, s.digest order by s.time desc) = 1"
        )
        table = database.sql("select * from joined order by time, digest, id").to_arrow_table()
    joined = _joined(table, columns.extras, log.reference)
    found = tuple(problem for problem in problems if problem.rows)
    return replace(joined, labels=total, corrected=corrected, problems=found)


@contextmanager
def opened_database() -> Iterator[DuckDBPyConnection]:
    """A database on disk for one join, which cannot access any other file."""
    import duckdb

    with TemporaryDirectory(prefix="sluice-") as scratch:
        # The content of a file must not load code or access another file.
        settings: dict[str, Any] = {
            "temp_directory": scratch,
            "memory_limit": "2GB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        connection = duckdb.connect(str(Path(scratch) / "join.duckdb"), config=settings)
        try:
            connection.execute("set enable_progress_bar = false")  # it would be printed
            yield connection
        finally:
            connection.close()


def _load_records(database: DuckDBPyConnection, log: ScoredLog) -> None:
    """The table `scored` of all records whose id has a label."""
    database.register("stream", _stream(log))
    database.execute(
        "create table scored as select stream.* from stream semi join labels using (id)"
    )
    database.unregister("stream")


def _stream(log: ScoredLog) -> pa.RecordBatchReader:
    schema = _schema(log.reference)
    return pa.RecordBatchReader.from_batches(schema, _records(log, schema))


def _schema(reference: Reference) -> pa.Schema:
    several = reference.task == "multiclass"
    score = pa.list_(pa.float64()) if several else pa.float64()
    names = [("id", pa.string()), ("time", pa.int64()), ("digest", pa.string())]
    return pa.schema([*names, ("score", score), ("decision", pa.string()), ("segment", pa.int32())])


def _records(log: ScoredLog, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The columns that the join needs from the records of the monitored model, file by file."""
    import pyarrow.compute as pc

    comparable = {
        summary.name
        for summary in log.summaries
        if "score" not in summary.differences
        and any(cell.key.package == log.subject.package for cell in summary.cells)
    }
    for file in repeats.counted_files(log.given, log.summaries):
        if file.name not in comparable:
            continue
        try:
            for batch in read.batches(file, OpenedFile(""), log.reference, inputs=False):
                mine = pc.equal(batch.column("package").cast(pa.string()), log.subject.package)
                chosen = batch.filter(mine)
                columns = [
                    chosen.column("id"),
                    chosen.column("time").cast(pa.int64()),
                    chosen.column("digest").cast(pa.string()),
                    chosen.column("score").cast(schema.field("score").type),
                    chosen.column("decision").cast(pa.string()),
                    _segments(chosen, log.reference),
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
        except UnreadableError:
            continue  # its summary names the problem; its intact records were used


def _segments(batch: pa.RecordBatch, reference: Reference) -> pa.Array:
    """The place of each row's segment in the reference; null if no segment was logged."""
    if reference.segments is None or read.SEGMENT not in batch.schema.names:
        return pa.nulls(len(batch), pa.int32())
    return pa.array(segment_counts.of_rows(batch, reference.segments), pa.int32())


def _without_record(database: DuckDBPyConnection) -> list[Problem]:
    """Labels that are earlier than every score of their id, and labels of ids that were never
    scored.
    """
    early = "select l.id from labels l join scored s using (id) group by l.id, l.known having "
    early += "min(s.time) > l.known"
    problems = []
    for name, query in (("that are earlier than the score", early), (STRANGERS, _STRANGERS)):
        count = _number(database, f"select count(*) from ({query})")  # noqa: S608
        if count:
            some = database.execute(f"select id from ({query}) order by id limit 3").fetchall()  # noqa: S608
            problems.append(Problem(name, count, tuple(str(one) for (one,) in some)))
    return problems


def _spelled_otherwise(database: DuckDBPyConnection, stream: pa.RecordBatchReader) -> list[Problem]:
    """Unknown ids that the log has in another spelling."""
    folded = _FOLDED.format(id="id")
    database.execute(
        f"create table folded as select {folded} as same, min(id) as id from ({_STRANGERS}) "  # noqa: S608
        "group by same"
    )
    database.register("stream", stream)
    found = database.execute(
        f"select f.id, min(s.id) from stream s "  # noqa: S608
        f"join folded f on {_FOLDED.format(id='s.id')} = f.same group by f.id order by f.id"
    ).fetchall()
    database.unregister("stream")
    examples = tuple(f"{label}, in the log {logged}" for label, logged in found[:3])
    return [Problem(SPELLED, len(found), examples)] if found else []


def _number(database: DuckDBPyConnection, query: str) -> int:
    return int(database.execute(query).fetchall()[0][0])


def _joined(table: pa.Table, extras: tuple[str, ...], reference: Reference) -> Joined:
    import pyarrow.compute as pc

    scores = table.column("score").combine_chunks()
    if reference.task == "multiclass":
        values = scores.flatten().to_numpy().reshape(len(table), len(reference.classes))
    else:
        values = scores.to_numpy()
    decisions: Ints | Floats = values
    if reference.task != "regression":
        places = pc.index_in(
            table.column("decision"), pa.array(list(reference.classes), pa.string())
        )
        decisions = places.fill_null(-1).to_numpy().astype(np.int64)
    truth = table.column("truth").to_numpy()
    return Joined(
        truth.astype(np.float64 if reference.task == "regression" else np.int64),
        values.astype(np.float64),
        decisions,
        table.column("time").to_numpy() // _DAY,
        table.column("known").to_numpy() // _DAY,
        table.column("digest").to_numpy(),
        pc.fill_null(table.column("segment"), -1).to_numpy(),
        table.select(list(extras)),
    )
