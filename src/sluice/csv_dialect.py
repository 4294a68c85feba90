"""The encoding and the delimiter of CSV files, for everything that reads or writes one."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame

_DELIMITERS = ",;\t|"
_SAMPLE = 2**16  # bytes
_LINES = 100
_MOSTLY = 0.9
_ZIP_MAGIC = b"PK\x03\x04"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def sample(path: Path) -> str:
    """Return the start of a CSV file as text, without a byte order mark.

    Raises SluiceError for a file that is empty, in another encoding or not text, and OSError.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if head.startswith(_ZIP_MAGIC):
        raise SluiceError(f"{path} is a spreadsheet or an archive: save it as CSV or Parquet")
    if head.startswith(_UTF16_MARKS):
        raise SluiceError(f"{path} is UTF-16: convert it with 'iconv -f utf-16 -t utf-8'")
    if b"\x00" in head:
        raise SluiceError(f"{path} is neither CSV nor Parquet: it contains binary data")
    try:
        # The sample may end within a character.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, len(head) < _SAMPLE)
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    if not text.strip():
        raise SluiceError(f"{path} is empty: expected a table with a header")
    return text


def not_utf8(path: Path, error: UnicodeDecodeError) -> SluiceError:
    """Return the error for a file in another encoding."""
    return SluiceError(
        f"{path} is not UTF-8 (byte {error.start:,}): convert it, for example with "
        "'iconv -f latin1 -t utf-8'"
    )


def delimiter(text: str, names: Collection[str] = ()) -> str:
    """Return the delimiter of CSV text: comma, semicolon, tab or bar.

    The delimiter is the one that yields most of the expected column `names` in the header or, in a
    tie, rows of equal length. The header may have one name fewer than the rows have fields, as R
    writes it.
    """
    lines = list(islice(io.StringIO(text, newline=""), _LINES))
    if len(lines) > 2:
        lines.pop()  # the sample may end within a quoted value
    expected = set(names)

    def rank(character: str) -> tuple[int, bool, int, int]:
        rows = [row for row in csv.reader(lines, delimiter=character) if row]
        header, rows = (rows[0], rows[1:] or rows) if rows else ([], [[]])
        width, count = Counter(map(len, rows)).most_common(1)[0]
        equal = width > 1 and count >= _MOSTLY * len(rows)
        fits = {width: 2, width - 1: 1}.get(len(header), 0) if len(header) > 1 else 0
        return len(expected.intersection(header)), equal, fits, width

    return max(_DELIMITERS, key=rank)


def write(frame: DataFrame, path: Path) -> None:
    """Write a table with commas and line feeds, without its index."""
    # Before Python 3.13, csv quotes no carriage return, which then ends the row for a reader.
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime"])
    returns = any(texts[name].astype(str).str.contains("\r", regex=False).any() for name in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    frame.to_csv(path, index=False, lineterminator="\n", quoting=quoting)
