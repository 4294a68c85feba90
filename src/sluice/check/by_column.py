"""Check the expectations of a table that does not fit in memory, one column after the other.

great-expectations checks data in memory, so it gets the columns that an expectation names, with all
their rows. No result is an estimate.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sluice.check.expectations import Asked, ask, of_column, of_columns, of_rows
from sluice.check.prepared import prepare
from sluice.project import Project
from sluice.raw_table import RawTable
from sluice.verdict import Finding

if TYPE_CHECKING:
    from pandas import DataFrame

_OF_NAMES, _OF_ROWS = "expect_table_column", "expect_table_row_count"


def findings(project: Project, raw: RawTable, usecase: list[Asked]) -> list[Finding]:
    """What params.yaml and the use case expect of a large table, in this order."""
    from tqdm import tqdm

    settings = project.settings
    known = [name for name in settings.columns if name in raw.names]
    asked: dict[tuple[str, ...], list[Asked]] = {
        ("",): [of_columns(project)],
        (raw.names[0],): [of_rows(project)],
    }
    for item in usecase:
        asked.setdefault(_read_for(item, raw.names), []).append(item)
    own = [name for group in list(asked.values())[:2] for name in _names(group[:1])]
    found: dict[str, Finding] = {}
    groups = dict.fromkeys([*((name,) for name in known), *asked])
    for columns in tqdm(groups, "columns", leave=False, disable=None):
        frame = _frame(raw, project, columns)
        items = asked.get(columns, [])
        if len(columns) == 1 and columns[0] in known:
            expected = of_column(project, frame[columns[0]])
            own += _names(expected)
            items = [*expected, *items]
        answers = ask(frame, items, settings.data.id)
        found |= {item.name: answer for item, answer in zip(items, answers, strict=True)}
    return [found[name] for name in (*own, *_names(usecase))]


def _names(items: list[Asked]) -> list[str]:
    return [item.name for item in items]


def _read_for(item: Asked, names: Collection[str]) -> tuple[str, ...]:
    """The columns to read for an expectation. An empty name stands for a few rows of all
    columns.
    """
    kind = item.expectation.expectation_type
    if kind.startswith(_OF_NAMES):
        return ("",)
    arguments = item.expectation.configuration.to_json_dict()["kwargs"]
    texts = set(_texts(arguments))
    named = tuple(name for name in names if name in texts)
    if named:
        return named
    return (next(iter(names)),) if kind.startswith(_OF_ROWS) else tuple(names)


def _texts(value: Any) -> list[str]:
    """All texts in the arguments of an expectation, including the names of its columns."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _frame(raw: RawTable, project: Project, columns: tuple[str, ...]) -> DataFrame:
    """The columns and the id of each row, prepared."""
    settings = project.settings
    if columns == ("",):
        return prepare(next(raw.batches()), settings)
    names = list(columns)
    if settings.data.id in raw.names and settings.data.id not in names:
        names.append(settings.data.id)
    return prepare(raw.only(names), settings)
