"""The files of `src/usecase` and `tests/usecase` with which an adopted table starts."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.adopt.profile import ColumnProfile, TableProfile
from sluice.adopt.render import template

# The longest line of a comment that the project's linters accept, without "# ".
_WIDTH = 98

Examples = dict[str, list[str]]


def expectations() -> str:
    """Return `expectations.py` without an expectation."""
    return template("expectations.py.j2").render()


def usecase_test() -> str:
    """Return `test_usecase.py` with tests that hold for every use case."""
    return template("test_usecase.py.j2").render()


def scenarios(profile: TableProfile) -> str:
    """Return `scenarios.py` without a scenario, but with examples that use the table's columns."""
    numbers = [column for column in profile.features if column.low is not None]
    categories = [column for column in profile.features if column.values]
    possible = {
        "Direction": (_direction(column, profile) for column in reversed(numbers)),
        "Edge": (_edge(column) for column in [*numbers, *categories]),
        "Invariance": (_invariance(column) for column in categories),
    }
    examples = {kind: lines for kind, texts in possible.items() if (lines := _first_fit(texts))}
    return template("scenarios.py.j2").render(examples=examples)


def _first_fit(texts: Iterator[str]) -> list[str]:
    """Return the lines of the first example that the linters accept; names may be too long."""
    for text in texts:
        lines = text.splitlines()
        if all(line.isascii() and len(line) <= _WIDTH for line in lines):
            return lines
    return []


def _direction(column: ColumnProfile, profile: TableProfile) -> str:
    target_class = profile.classes[0] if profile.task == "multiclass" else None
    return _example("direction", column.name, column.low, column.high, target_class)


def _edge(column: ColumnProfile) -> str:
    return _example("edge", column.name, column.values[0] if column.values else column.high)


def _invariance(column: ColumnProfile) -> str:
    return _example("invariance", column.name, [*column.values[:2], None])


def _example(macro: str, *arguments: object) -> str:
    return str(getattr(template("examples.py.j2").module, macro)(*arguments))
