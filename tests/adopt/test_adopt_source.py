"""CSV and Parquet files are read without loss, and other files are refused in one line."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from sluice.adopt import source
from sluice.errors import SluiceError

REFUSED = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n \n", "is empty"),
    "header.csv": (b"a,b\n", "a header but no rows"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "it contains binary data"),
    "book.csv": (b"PK\x03\x04rest", "a spreadsheet or an archive"),
    "wide.csv": ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    "latin.csv": ("a,b\n1,\u00e4\n".encode("latin1"), "not UTF-8 (byte 6)"),
    "rows.csv": (b'{"a": 1}\n{"a": 2}\n', "is JSON"),
    "list.csv": (b'[\n{"a": 1},\n{"a": 2}]', "is JSON"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "two columns are named 'a'"),
    "unnamed.csv": (b",a,b\n0,1,2\n", "column 1 has no name"),
    "long.csv": (b"a" * 300 + b",b\n1,2\n", "has 300 characters"),
    "wordy.csv": (
        b"what people answer " * 4 + b",b\n1,2\n",
        "answer ': rename it: dvc.lock cannot store",
    ),
    "ragged.csv": (b"a,b\n1,2\n3,4,5\n", "not a readable CSV table"),
    "longer.csv": (b"a,b\n1,2,3\n3,4,5\n", "some rows have more fields than the header"),
    "infinite.csv": (b"a,b\n1,2\ninf,3\n", "column 'a' has infinite values (number of rows: 1)"),
    "huge.csv": (b"a,b\n1,2\n1e39,3\n", "column 'a' has values too large for float32"),
    "junk.parquet": (b"PAR1 and nothing else", "not a readable Parquet table"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_not_a_table_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, reason = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SluiceError) as refusal:
        source.read(tmp_path / name)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="is missing"):
        source.read(tmp_path / "nowhere.csv")
    with pytest.raises(SluiceError, match="is a folder"):
        source.read(tmp_path)


def test_nested_columns_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [[1, 2], [3]]}).to_parquet(tmp_path / "nested.parquet")
    with pytest.raises(SluiceError, match="column 'a' has the type list"):
        source.read(tmp_path / "nested.parquet")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    rows = [["name, first", "size"], ["a; b", "1"], ["c\td", "2"], ["e|f\n, g", "3"]]
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", "utf-8")
    frame = source.read(tmp_path / "table.csv")
    assert list(frame.columns) == rows[0]
    assert frame["name, first"].tolist() == ["a; b", "c\td", "e|f\n, g"]
    assert frame["size"].tolist() == [1, 2, 3]


def test_codes_stay_text_and_numbers_become_numbers(tmp_path: Path) -> None:
    text = "\ufeffzip,serial,whole,part,yes,widened\n"
    text += "01234,12345678901234567890,1,1.5,True,1.0\n99999,1,2,2,False,\n"
    (tmp_path / "table.csv").write_text(text, "utf-8")
    frame = source.read(tmp_path / "table.csv")
    assert frame["zip"].tolist() == ["01234", "99999"]
    assert frame["serial"].tolist() == ["12345678901234567890", "1"]
    kinds = {name: frame[name].dtype.name for name in ("whole", "part", "widened")}
    assert kinds == {"whole": "Int64", "part": "float64", "widened": "Int64"}
    assert frame["yes"].tolist() == ["True", "False"]


def test_parquet_types_are_reduced_to_a_few(tmp_path: Path) -> None:
    given = pd.DataFrame(
        {
            "category": pd.Categorical(["a", None, "b"]),
            "nullable": pd.array([2**60 + 1, None, 3], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "decimal": [Decimal("1.50"), Decimal("2.25"), None],
            "float32": pd.Series([1.5, 2.5, 3.5], dtype="float32"),
            "small": pd.Series([1, 2, 3], dtype="uint8"),
            "date": [datetime.date(2026, 1, d) for d in (1, 2, 3)],
            "when": pd.date_range("2026-01-01", periods=3, tz="UTC"),
            "blank": ["", "x", "y"],
        }
    )
    given.to_parquet(tmp_path / "types.parquet")
    frame = source.read(tmp_path / "types.parquet")
    assert frame["category"].isna().tolist() == [False, True, False]
    assert frame["nullable"].tolist()[0] == 2**60 + 1
    assert frame["flag"].dtype == "boolean"
    assert frame["decimal"].tolist()[:2] == [1.5, 2.25]
    assert frame["float32"].dtype == "float64"
    assert frame["small"].dtype == "Int64"
    assert frame["when"].dtype.kind == "M"
    assert frame["blank"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_written_table_is_read_back_unchanged(suffix: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "a, b": ["007", "x\ny", None, '"q"'],
            "n": pd.array([1, None, 3, 4], dtype="Int64"),
            "f": [0.1, 1e-7, None, 1e300 / 1e270],
        }
    )
    source.write(frame, tmp_path / f"t{suffix}")
    again = source.read(tmp_path / f"t{suffix}")
    assert list(again.columns) == list(frame.columns)
    assert again["a, b"].fillna("").tolist() == ["007", "x\ny", "", '"q"']
    assert again["n"].tolist() == frame["n"].tolist()
    assert again["f"].dropna().tolist() == frame["f"].dropna().tolist()
