"""The file to adopt, as a table: one kind of value a column, nothing lost, nothing guessed."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.config import word
from sluice.errors import SluiceError

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame, Series

# What trees and ONNX Runtime can hold: numbers are float32 there.
_LARGEST = 3.4e38
_LONGEST_NAME = 200
_SPREADSHEET, _PARQUET = b"PK\x03\x04", b"PAR1"


def read(file: Path) -> DataFrame:
    """Columns of whole numbers (Int64), float64, booleans, dates or text; missing values as NA.

    Raises SluiceError, in one line, for whatever is no table.
    """
    if file.is_dir():
        raise SluiceError(f"{file} is a folder: name one CSV or Parquet file")
    try:
        with file.open("rb") as opened:
            head = opened.read(8192)
    except FileNotFoundError:
        raise SluiceError(f"{file} is missing") from None
    except OSError as error:
        raise SluiceError(f"{file} cannot be read: {error.strerror}") from None
    parquet = head.startswith(_PARQUET) or file.suffix == ".parquet"
    frame = _read_parquet(file) if parquet else _read_csv(file, head)
    if frame.empty:
        raise SluiceError(f"{file} holds a header but no rows")
    for name in frame.columns:
        _require_finite(file, frame[name])
    return frame


def write(frame: DataFrame, path: Path) -> None:
    """Write what `sluice.table.read_raw` reads back."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n")


def _read_csv(file: Path, head: bytes) -> DataFrame:
    import pandas as pd

    _require_text(file, head)
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SluiceError(
            f"{file} is not UTF-8 (byte {error.start:,}): convert it first, "
            "as with 'iconv -f latin1 -t utf-8'"
        ) from None
    if text.lstrip().startswith(("{", "[")):
        _refuse_json(file, text)
    try:
        delimiter = _delimiter(text)
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        _require_names(file, names)
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, names=names, header=0, dtype=str, low_memory=False
        )
    except (ValueError, csv.Error) as error:  # pandas' ParserError is a ValueError
        said = " ".join(str(error).split())
        raise SluiceError(f"{file} is not a readable CSV table: {said}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise SluiceError(
            f"{file} is not a readable CSV table: its rows are longer than its header"
        )
    return pd.DataFrame({name: _typed(frame[name]) for name in names}, index=frame.index)


def _require_text(file: Path, head: bytes) -> None:
    if not head.strip():
        raise SluiceError(f"{file} is empty: expected a table with a header")
    if head.startswith(_SPREADSHEET):
        raise SluiceError(f"{file} is a spreadsheet or an archive: save it as CSV or Parquet")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SluiceError(f"{file} is UTF-16: convert it first, 'iconv -f utf-16 -t utf-8'")
    if b"\x00" in head:
        raise SluiceError(f"{file} is neither CSV nor Parquet: it holds binary data")


def _refuse_json(file: Path, text: str) -> None:
    import json

    first = text.lstrip().splitlines()[0]
    for whole in (text, first):
        try:
            json.loads(whole)
        except ValueError:
            continue
        raise SluiceError(f"{file} is JSON: save it as CSV or Parquet")


def _delimiter(text: str) -> str:
    """Of comma, semicolon, tab and bar the one that cuts the first lines into equal rows."""
    # The last line read may end inside a quoted value.
    lines = text[:65536].splitlines(keepends=True)[:100]
    lines = lines[:-1] if len(lines) > 2 else lines

    def worth(delimiter: str) -> tuple[bool, int]:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        fields = len(rows[0])
        return fields > 1 and all(len(row) == fields for row in rows), fields

    return max(",;\t|", key=worth)


def _require_names(file: Path, names: list[str]) -> None:
    for place, name in enumerate(names, 1):
        if not name.strip():
            raise SluiceError(
                f"{file}: column {place} has no name; name it in the header, or leave it out if "
                "it only counts the rows"
            )
        if len(name) > _LONGEST_NAME:
            raise SluiceError(
                f"{file}: the name of column {place} has {len(name)} characters, at most "
                f"{_LONGEST_NAME} can be; is the first line a header?"
            )
        try:
            word(name)
        except ValueError as error:
            raise SluiceError(f"{file}: column {place}, {name!r}: {error}") from None
        if names.index(name) != place - 1:
            raise SluiceError(f"{file}: two columns are named {name!r}; rename one of them")


def _typed(column: Series) -> Series:
    """Text as numbers where every known value is one; codes with leading zeros stay text."""
    import pandas as pd

    known = column.dropna()
    # A code, or a number too long to be exact.
    if known.empty or known.str.match(r"[-+]?(0\d|\d{19})").any():
        return column
    try:
        numbers = pd.to_numeric(column)
    except (ValueError, TypeError):
        return column
    return _whole(numbers)


def _whole(numbers: Series) -> Series:
    if numbers.dtype.kind == "i":
        return numbers.astype("Int64")
    known = numbers.dropna()
    if len(known) and bool(((known == known.round()) & (known.abs() < 2**53)).all()):
        return numbers.astype("Int64")
    return numbers.astype("float64")


def _read_parquet(file: Path) -> DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise SluiceError(f"{file} is not a readable Parquet table: {said}") from None
    _require_names(file, table.column_names)
    if not table.column_names:
        raise SluiceError(f"{file} holds no columns")
    columns = {name: _from_arrow(file, name, table.column(name)) for name in table.column_names}
    return pd.DataFrame(columns)


def _from_arrow(file: Path, name: str, column: pa.ChunkedArray) -> Series:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise SluiceError(
            f"{file}: column {name!r} holds {kind}, not one number or word a row; leave it out, "
            "or spread it over columns"
        )
    if pa.types.is_null(kind):
        return pd.Series([None] * len(column), dtype="str")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        texts = column.to_pandas()
        return texts.where(texts != "", None).astype("str")
    if pa.types.is_boolean(kind):
        return column.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return column.cast(pa.int64()).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        return _whole(column.cast(pa.float64()).to_pandas())
    return column.to_pandas()


def _require_finite(file: Path, column: Series) -> None:
    if column.dtype.kind != "f":
        return
    amiss = int((column.abs() > _LARGEST).sum())
    if amiss:
        what = "infinite" if math.isinf(column.abs().max()) else "beyond what float32 can hold"
        raise SluiceError(
            f"{file}: {amiss:,} values of column {column.name!r} are {what}; leave these cells "
            "empty, or put a number"
        )
