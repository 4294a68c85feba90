"""Read a CSV file: the delimiter and the type of each column are found from the content."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import csv_dialect
from sluice.adopt.source.columns import integers_if_whole, require_names
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# A code with a leading zero, or a number of too many digits to be exact.
_CODE = r"[-+]?(0\d|\d{19})"


def read(file: Path) -> DataFrame:
    """Return the table; raises SluiceError if it is no CSV."""
    import pandas as pd

    start = csv_dialect.sample(file)
    text = _decode(file)
    try:
        delimiter = csv_dialect.delimiter(start)
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


def _decode(file: Path) -> str:
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise csv_dialect.not_utf8(file, error) from None
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
