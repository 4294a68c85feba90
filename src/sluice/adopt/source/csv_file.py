"""Read a CSV file: the delimiter and the type of each column are found from the content."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.adopt.source.columns import integers_if_whole, require_names
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_ZIP_MAGIC = b"PK\x03\x04"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A code with a leading zero, or a number of too many digits to be exact.
_CODE = r"[-+]?(0\d|\d{19})"


def read(file: Path, head: bytes) -> DataFrame:
    """Return the table. `head` is the start of the file; raises SluiceError if it is no CSV."""
    import pandas as pd

    _require_text(file, head)
    text = _decode(file)
    try:
        delimiter = _delimiter(text)
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        require_names(file, names)
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, names=names, header=0, dtype=str, low_memory=False
        )
    except (ValueError, csv.Error) as error:  # pandas' ParserError is a ValueError
        said = " ".join(str(error).split())
        raise SluiceError(f"{file} is not a readable CSV table: {said}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise SluiceError(
            f"{file} is not a readable CSV table: some rows have more fields than the header"
        )
    return pd.DataFrame({name: _typed(frame[name]) for name in names}, index=frame.index)


def _require_text(file: Path, head: bytes) -> None:
    if not head.strip():
        raise SluiceError(f"{file} is empty: expected a table with a header")
    if head.startswith(_ZIP_MAGIC):
        raise SluiceError(f"{file} is a spreadsheet or an archive: save it as CSV or Parquet")
    if head.startswith(_UTF16_MARKS):
        raise SluiceError(f"{file} is UTF-16: convert it with 'iconv -f utf-16 -t utf-8'")
    if b"\x00" in head:
        raise SluiceError(f"{file} is neither CSV nor Parquet: it contains binary data")


def _decode(file: Path) -> str:
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SluiceError(
            f"{file} is not UTF-8 (byte {error.start:,}): convert it, for example with "
            "'iconv -f latin1 -t utf-8'"
        ) from None
    start = text.lstrip()
    if start.startswith(("{", "[")) and (_is_json(text) or _is_json(start.splitlines()[0])):
        raise SluiceError(f"{file} is JSON: save it as CSV or Parquet")
    return text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _delimiter(text: str) -> str:
    """Return the one of comma, semicolon, tab and bar which gives rows of equal length."""
    # The last line read may end inside a quoted value.
    lines = text[:65536].splitlines(keepends=True)[:100]
    lines = lines[:-1] if len(lines) > 2 else lines

    def rank(delimiter: str) -> tuple[bool, int]:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        fields = len(rows[0])
        return fields > 1 and all(len(row) == fields for row in rows), fields

    return max(",;\t|", key=rank)


def _typed(column: Series) -> Series:
    """Convert text to numbers if every known value is one; codes such as 007 stay text."""
    import pandas as pd

    known = column.dropna()
    if known.empty or known.str.match(_CODE).any():
        return column
    try:
        numbers = pd.to_numeric(column)
    except (ValueError, TypeError):
        return column
    return integers_if_whole(numbers)
