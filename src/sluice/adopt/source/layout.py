"""The layout of a CSV file: its delimiter, and where its header and its rows are."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sluice import csv_dialect
from sluice.adopt.source.numbers import is_plain_number
from sluice.errors import SluiceError
from sluice.missing import is_missing

_WORDS = {";": "a semicolon", "\t": "a tab", "|": "a bar"}
_DECLARED = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)  # Excel reads such a first line
_SAMPLED, _ROWS = 2**18, 200  # characters and rows that are looked at
_MOSTLY = 0.9

Rows = list[list[str]]


@dataclass(frozen=True)
class Layout:
    """How to read the rows.

    names: one for each column, empty where the header has none. rows: the text after the header.
    spaces: each delimiter is followed by a space that belongs to no value.
    """

    delimiter: str
    names: list[str]
    rows: str
    spaces: bool
    notes: tuple[str, ...]


def find(file: Path, text: str) -> Layout:
    """Return the layout. Raises SluiceError if the first line is a title or a row of values."""
    declared = _DECLARED.match(text)
    body = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else csv_dialect.delimiter(body[:_SAMPLED])
    stream = io.StringIO(body, newline="")
    header = _first(csv.reader(iter(stream.readline, ""), delimiter=delimiter))
    rows = body[stream.tell() :]
    sample = _sample(rows, delimiter)
    spaces = delimiter != "\t" and _spaced([header, *sample])
    if spaces:
        header, *sample = [[cell.removeprefix(" ") for cell in row] for row in [header, *sample]]
    _require_header(file, header, sample)
    notes = []
    if delimiter != ",":
        name = _WORDS.get(delimiter, repr(delimiter))
        notes.append(f"the file's delimiter is {name}, and the project's copy has commas")
    if declared:
        line = declared[0].splitlines()[0]
        notes.append(f"its first line {line!r} names the delimiter and was left out")
    if spaces:
        notes.append("the space after each delimiter is not part of the names and values")
    return Layout(delimiter, _names(header, sample), rows, spaces, tuple(notes))


def _first(reader: Iterable[list[str]]) -> list[str]:
    """Return the first row that is not blank."""
    return next((row for row in reader if any(cell.strip() for cell in row)), [])


def _sample(text: str, delimiter: str) -> Rows:
    """Return the first rows."""
    part = text[:_SAMPLED]
    lines = part.splitlines(keepends=True)
    rows = [row for row in csv.reader(lines[: _ROWS + 1], delimiter=delimiter) if row]
    # A row that is cut off is left out.
    return rows[:-1] if len(lines) > _ROWS or (len(text) > len(part) and len(rows) > 1) else rows


def _width(rows: Rows) -> tuple[int, int]:
    """Return the most frequent number of fields, and how many rows have it."""
    return Counter(map(len, rows)).most_common(1)[0]


def _spaced(rows: Rows) -> bool:
    """Whether every field but the first of a row starts with a space."""
    later = [cell for row in rows for cell in row[1:] if cell]
    return len(rows) > 1 and bool(later) and all(cell.startswith(" ") for cell in later)


def _names(header: list[str], sample: Rows) -> list[str]:
    """Return the header. If the rows have one field more than the header, the additional column has
    an empty name.
    """
    if not sample or any(len(row) != len(header) + 1 for row in sample):
        return header
    if not any(row[-1].strip() for row in sample):  # a delimiter ends each row
        return [*header, ""]
    return ["", *header]  # R writes such a column with the names of rows


def _require_header(file: Path, header: list[str], sample: Rows) -> None:
    width, _ = _width(sample or [header])
    named = [cell for cell in header if cell.strip()]
    is_title = len(named) == 1 and (width > 2 or (width == 2 and _begins_with_names(sample)))
    is_comment = header[:1] and header[0].startswith("#") and len(header) != width
    if len(sample) > 1 and (is_title or is_comment):
        raise SluiceError(
            f"{file}: the first line, {named[0][:60]!r}, is a title or a comment and not a header: "
            "remove it, so that the file begins with the names of the columns"
        )
    if _is_row(header, sample):
        shown = ", ".join(map(repr, header[:4]))
        raise SluiceError(
            f"{file} has no header: its first line ({shown}, \u2026) is a row of values; add a "
            "first line with the names of the columns"
        )


def _begins_with_names(sample: Rows) -> bool:
    """Whether the first of these rows looks like a header, because it has texts above numbers."""
    rows = [row for row in sample if len(row) == len(sample[0])]
    columns = list(zip(*rows, strict=True))
    return any(_numeric(list(cells[1:])) and not is_plain_number(cells[0]) for cells in columns)


def _is_row(header: list[str], sample: Rows) -> bool:
    """Whether the first line has values like those below it."""
    # A row that repeats the header is refused later, with that reason.
    rows = [row for row in sample if len(row) == len(header) and row != header]
    if len(rows) < 2:
        return False
    columns = [(name, [row[place] for row in rows]) for place, name in enumerate(header)]
    numbers = [name for name, cells in columns if _numeric(cells)]
    texts = [(name, cells) for name, cells in columns if not _numeric(cells)]
    repeated = sum(name in cells for name, cells in texts if name)
    if numbers:
        known = [name for name in numbers if name.strip() and name != "?" and not is_missing(name)]
        evidence = repeated or len(known) > 1 or not texts
        return bool(known and evidence) and all(map(is_plain_number, known)) and not _series(known)
    return len(texts) > 1 and repeated >= len(texts) / 2


def _numeric(cells: list[str]) -> bool:
    known = [cell for cell in cells if cell]
    return bool(known) and sum(map(is_plain_number, known)) >= _MOSTLY * len(known)


def _series(names: list[str]) -> bool:
    """Whether the names are successive whole numbers, such as years."""
    if len(names) < 2 or not all(name.strip().isdecimal() for name in names):
        return False
    numbers = [int(name) for name in names]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))
