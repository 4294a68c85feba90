"""Read a CSV file: its layout and the type of each column are found from the content."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import csv_dialect
from sluice.adopt.source import layout
from sluice.adopt.source.columns import require_names
from sluice.adopt.source.found import Source
from sluice.adopt.source.numbers import as_numbers
from sluice.adopt.source.unnamed import without_unnamed
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame

_SAMPLED = 2**18  # characters from which the delimiter is found


def read(file: Path, keep: Mapping[str, Collection[str]]) -> Source:
    """Return the table. Raises SluiceError if the file is not a CSV file.

    keep: for each column, words that mean a missing value in other columns but are values in it.
    """
    import pandas as pd

    text = _text(file)
    try:
        found = layout.find(file, text)
        texts = _parse(found)
    except (ValueError, csv.Error) as error:  # pandas' ParserError is a ValueError
        said = _fault(text) or " ".join(str(error).split())
        raise SluiceError(f"{file} is not a readable CSV table: {said}") from None
    short = _short_rows(found, texts)
    names, texts, dropped = without_unnamed(file, found.names, texts)
    require_names(file, names)
    _require_one_header(file, names, texts)
    columns = [as_numbers(texts[place], keep.get(name, ())) for place, name in enumerate(names)]
    return Source(
        pd.DataFrame(
            {name: column.values for name, column in zip(names, columns, strict=True)},
            index=texts.index,
        ),
        notes=(*found.notes, *short, *dropped),
        remarks={n: c.remark for n, c in zip(names, columns, strict=True) if c.remark},
        words={n: c.words for n, c in zip(names, columns, strict=True) if c.words is not None},
    )


def _text(file: Path) -> str:
    csv_dialect.sample(file)  # raises an error for anything that is not text
    try:
        text = file.read_bytes().decode("utf-8-sig")  # read_text would change carriage returns
    except UnicodeDecodeError as error:
        raise csv_dialect.not_utf8(file, error) from None
    start = text.lstrip()
    if start.startswith(("{", "[")) and (_is_json(text) or _is_json(start.splitlines()[0])):
        raise SluiceError(f"{file} is JSON: save it as CSV or Parquet")
    if start[:9].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise SluiceError(f"{file} is a page of HTML or XML: save it as CSV or Parquet")
    return text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _parse(found: layout.Layout) -> DataFrame:
    """Return every cell as text; only the empty text is missing. Columns have numbers as names."""
    import pandas as pd

    frame = pd.read_csv(
        io.StringIO(found.rows, newline=""),
        sep=found.delimiter,
        names=list(range(len(found.names))),
        header=None,
        dtype=str,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=found.spaces,
        low_memory=False,
    )
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError("some rows have more fields than the header")
    return frame


def _fault(text: str) -> str | None:
    """Say in which line the fields are wrong, and what to do; None if that is not the fault."""
    if text.lstrip('"')[:4].lower() == "sep=":
        return None
    delimiter = csv_dialect.delimiter(text[:_SAMPLED])
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width, line = 0, 1
    try:
        for row in rows:
            if width and len(row) > width:
                return (
                    f"line {line:,} has {len(row)} fields, but the first line has {width}; put a "
                    "text that contains the delimiter in double quotes"
                )
            width, line = width or len(row), rows.line_num + 1
    except csv.Error:
        return (
            f"a text that begins with a double quote in line {line:,} does not end with one; "
            "write a double quote that is part of a text twice"
        )
    return None


def _short_rows(found: layout.Layout, texts: DataFrame) -> list[str]:
    """Say how many rows have fewer fields than the header; their last values are missing."""
    width = len(found.names)
    if not texts[width - 1].isna().any():
        return []
    rows = csv.reader(io.StringIO(found.rows, newline=""), delimiter=found.delimiter)
    short = [number for number, row in enumerate(filter(None, rows), 1) if len(row) < width]
    if not short:
        return []
    return [
        f"{len(short):,} of {len(texts):,} rows, the first of them row {short[0]:,}, have fewer "
        "fields than the header, so their last values are missing"
    ]


def _require_one_header(file: Path, names: list[str], texts: DataFrame) -> None:
    """Raise SluiceError if a row repeats the header, which happens when files are concatenated."""
    if len(names) < 2:
        return
    repeats = (texts == names).all(axis="columns")
    if repeats.any():
        row = int(repeats.to_numpy().argmax()) + 1
        raise SluiceError(
            f"{file}: row {row:,} repeats the header (number of such rows: {repeats.sum():,}); "
            "remove these rows, which remain from files that were concatenated"
        )
