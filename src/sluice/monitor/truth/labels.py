"""Reads a file of labels: id, true outcome, the time it became known, and further columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import csv_dialect
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.labels import Levels

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KNOWN_AT = "known_at"


@dataclass(frozen=True)
class Problem:
    """Labels that were left out. examples: some of their ids or values."""

    name: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class LabelColumns:
    """The names of the columns in the file. extras: all except the three required ones."""

    id: str
    truth: str
    extras: tuple[str, ...]


def check(path: Path, settings: Settings) -> None:
    """Raise SluiceError for a file that cannot be read, or that lacks a column."""
    import duckdb

    with duckdb.connect() as database:
        _open(database, path, settings)


def load(database: DuckDBPyConnection, path: Path, settings: Settings) -> LabelColumns:
    """Load the file as the table `raw` (id, truth, known_at, the extras), all of it as text.

    Raises SluiceError as `check` does, and for a row that cannot be read.
    """
    import duckdb

    columns = _open(database, path, settings)
    chosen = [columns.id, columns.truth, KNOWN_AT, *columns.extras]
    given = ["id", "truth", KNOWN_AT, *columns.extras]
    listed = ", ".join(
        f"cast({quoted(name)} as varchar) as {quoted(new)}"
        for name, new in zip(chosen, given, strict=True)
    )
    try:
        database.execute(f"create table raw as select {listed} from file")  # noqa: S608 - quoted
    except duckdb.Error as error:
        raise _unreadable(path, error) from None
    return columns


def _open(database: DuckDBPyConnection, path: Path, settings: Settings) -> LabelColumns:
    """Make the view `file` of the rows in the file; only the names of its columns are read."""
    import duckdb

    if not path.is_file():
        raise SluiceError(f"{path}: no such file")
    place = _literal(str(path))
    try:
        if path.suffix == ".parquet":
            source = f"read_parquet({place})"
        else:
            delimiter = csv_dialect.delimiter(csv_dialect.sample(path), ["id", KNOWN_AT])
            source = (
                f"read_csv({place}, all_varchar=true, header=true, "
                f"delim={_literal(delimiter)}, strict_mode=true)"
            )
        database.execute(f"create view file as select * from {source}")  # noqa: S608 - quoted
        names = [row[0] for row in database.execute("describe file").fetchall()]
    except duckdb.Error as error:
        raise _unreadable(path, error) from None
    return _columns(names, path, settings)


def _unreadable(path: Path, error: Exception) -> SluiceError:
    reason = str(error).splitlines()[0]
    return SluiceError(f"{path}: is not a readable file of labels: {reason}")


def _literal(text: str) -> str:
    """Quote a text for SQL, whatever characters it has."""
    return "'" + text.replace("'", "''") + "'"


def _columns(names: list[str], path: Path, settings: Settings) -> LabelColumns:
    own = _first(names, ["id", settings.data.id])
    truth = _first(names, ["truth", settings.data.target])
    for found, what in ((own, "id"), (truth, "truth"), (_first(names, [KNOWN_AT]), KNOWN_AT)):
        if found is None:
            alias = {"id": settings.data.id, "truth": settings.data.target}.get(what)
            other = f" (or {alias!r})" if alias else ""
            raise SluiceError(
                f"{path}: has no column {what!r}{other}: expected id, truth and known_at, the time "
                "at which the truth became known"
            )
    if own is None or truth is None:  # pragma: no cover - refused above
        raise AssertionError
    return LabelColumns(own, truth, tuple(n for n in names if n not in (own, truth, KNOWN_AT)))


def _first(names: list[str], wanted: list[str | None]) -> str | None:
    return next((name for name in wanted if name in names), None)


def quoted(name: str) -> str:
    """Quote a column's name for SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def clean(
    database: DuckDBPyConnection, settings: Settings, extras: tuple[str, ...]
) -> tuple[list[Problem], int]:
    """Make the table `labels` of the newest label of each id; returns what was left out.

    The columns of the table are id, truth (a class index or a number), known (microseconds since
    1970) and the extras. The returned number counts the ids whose label was corrected by a newer
    one.
    """
    database.execute("set TimeZone='UTC'")
    _translate(database, settings)
    database.execute(
        "create table timed as select raw.* replace (nullif(trim(raw.id), '') as id), "
        "epoch_us(try_cast(known_at as timestamptz)) as known, classes.value as value "
        "from raw left join classes on raw.truth = classes.truth"
    )
    problems = [
        _problem(database, "without an id", "id is null", "coalesce(truth, '')"),
        _problem(database, "without a time in known_at", "id is not null and known is null", "id"),
        _problem(
            database,
            "whose truth is not a class" if settings.task != "regression" else "without a number",
            "id is not null and known is not null and value is null",
            "coalesce(truth, 'missing')",
        ),
    ]
    # One pass over the ids: of equal times, the smallest value and the largest must agree.
    kept = "".join(
        f", min({{'at': -known, 'value': {quoted(name)}}}).value as {quoted(name)}"
        for name in extras
    )
    database.execute(
        "create table newest as select id, max(known) as known, "  # noqa: S608 - quoted
        "max({'at': known, 'value': value}).value as truth, "
        "min({'at': -known, 'value': value}).value as other, "
        f"min(value) <> max(value) as corrected{kept} from timed "
        "where id is not null and known is not null and value is not null group by id"
    )
    disagree = "that disagree at the same time"
    problems.append(_problem(database, disagree, "truth <> other", "id", "newest"))
    database.execute(
        "create table labels as select * exclude (other, corrected) from newest where truth = other"
    )
    corrected = database.execute(
        "select count(*) from newest where truth = other and corrected"
    ).fetchall()
    return [problem for problem in problems if problem.rows], int(corrected[0][0])


def _translate(database: DuckDBPyConnection, settings: Settings) -> None:
    """The table `classes`: for each spelling of a truth, its class index or its number."""
    if settings.task == "regression":
        database.execute(
            "create table classes as select distinct truth, try_cast(truth as double) as value "
            "from raw where isfinite(try_cast(truth as double))"
        )
        return
    known = Levels(settings.classes)
    place = {name: at for at, name in enumerate(settings.classes)}
    database.execute("create table classes (truth varchar, value bigint)")
    spelled = database.execute("select distinct truth from raw limit 100000").fetchall()
    rows = [(text, place[known.of(text)]) for (text,) in spelled if known.of(text) in place]
    if rows:
        database.executemany("insert into classes values (?, ?)", rows)


def _problem(
    database: DuckDBPyConnection, name: str, where: str, shown: str, table: str = "timed"
) -> Problem:
    counted = database.execute(f"select count(*) from {table} where {where}").fetchall()  # noqa: S608
    found = database.execute(
        f"select distinct {shown} as shown from {table} where {where} order by shown limit 3"  # noqa: S608
    ).fetchall()
    return Problem(name, int(counted[0][0]), tuple(str(one) for (one,) in found))
