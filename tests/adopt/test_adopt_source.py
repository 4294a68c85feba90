"""CSV and Parquet files are read without loss, and other files are refused in one line."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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
    "unnamed.csv": (b",a,b\nx,1,2\nx,1,2\n", "column 1 has no name; its values, such as 'x'"),
    "inside.csv": (b"a,,b\n1,1,2\n2,2,3\n", "column 2 has no name; its values, such as '1'"),
    "long.csv": (b"a" * 300 + b",b\n1,2\n", "has 300 characters"),
    "wordy.csv": (
        b"what people answer " * 4 + b",b\n1,2\n",
        "answer ': rename it: dvc.lock cannot store",
    ),
    "ragged.csv": (
        b"a,b\n1,2\n3,4,5\n",
        "table: line 3 has 3 fields, but the first line has 2; put a text that contains the",
    ),
    "quote.csv": (
        b'a,b\n1,"two\nlines"\n3,"Ulm\n4,5\n',
        "a double quote in line 4 does not end with one; write a double quote",
    ),
    "longer.csv": (b"a,b\n1,2,3,4\n3,4,5,6\n", "line 2 has 4 fields, but the first line has 2"),
    "mark.csv": (b"\xef\xbb\xbf\n", "is empty"),
    "page.csv": (b"<!DOCTYPE html>\n<p>a,b</p>\n", "a page of HTML or XML"),
    "title.csv": (b"Sales of 2024\nname,size,y\na,1,2\nb,2,3\n", "'Sales of 2024', is a title"),
    "narrow.csv": (b'"Sales, 2024"\nx,y\n1,a\n4,b\n9,a\n', "'Sales, 2024', is a title"),
    "padded.csv": (b"Sales,,\nname,size,y\na,1,2\nb,2,3\n", "'Sales', is a title"),
    "comment.csv": (b"# made, by hand\nname,size,y\na,1,2\nb,2,3\n", "is a title or a comment"),
    "iris.csv": (b"5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n", "has no header"),
    "gaps.csv": (b"5.1,?,a\n4.9,3.0,a\n4.7,3.2,b\n", "has no header"),
    "mushrooms.csv": (b"p,x,s\np,x,n\ne,b,s\np,x,s\n", "has no header"),
    "joined.csv": (b"a,b\n1,x\n2,y\na,b\n3,z\n", "row 3 repeats the header"),
    "infinite.csv": (b"a,b\n1,2\ninf,3\n", "column 'a' has infinite values (number of rows: 1)"),
    "huge.csv": (b"a,b\n1,2\n1.5e39,3\n", "column 'a' has values too large for float32"),
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


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="is missing"):
        source.read(tmp_path / "nowhere.csv")
    with pytest.raises(SluiceError, match="is an empty folder"):
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
    frame = source.read(tmp_path / "table.csv").frame
    assert list(frame.columns) == rows[0]
    assert frame["name, first"].tolist() == ["a; b", "c\td", "e|f\n, g"]
    assert frame["size"].tolist() == [1, 2, 3]


def test_codes_stay_text_and_numbers_become_numbers(tmp_path: Path) -> None:
    text = "\ufeffzip,serial,whole,part,yes,widened\n"
    text += "01234,12345678901234567890,1,1.5,True,1.0\n99999,1,2,2,False,\n"
    (tmp_path / "table.csv").write_text(text, "utf-8")
    frame = source.read(tmp_path / "table.csv").frame
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
    frame = source.read(tmp_path / "types.parquet").frame
    assert frame["category"].isna().tolist() == [False, True, False]
    assert frame["nullable"].isna().tolist() == [False, True, False]
    assert frame["nullable"].tolist()[0] == str(2**60 + 1)
    assert frame["flag"].dtype == "boolean"
    assert frame["decimal"].tolist()[:2] == [1.5, 2.25]
    assert frame["float32"].dtype == "float64"
    assert frame["small"].dtype == "Int64"
    assert frame["when"].dtype.kind == "M"
    assert frame["blank"].isna().tolist() == [True, False, False]


INDEXED = {
    "pandas": ",a,b\n0,1,x\n1,2,y\n2,4,x\n",
    "put together": ",a,b\n0,1,x\n1,2,y\n0,4,x\n",
    "R": '"","a","b"\n"Mazda",1,"x"\n"Fiat",2,"y"\n"Volvo",4,"x"\n',
    "R without a name": '"a","b"\n"Mazda",1,"x"\n"Fiat",2,"y"\n"Volvo",4,"x"\n',
    "tabs": "a\tb\n1\t1\tx\n2\t2\ty\n3\t4\tx\n",
    "delimiters at the end": "a,b\n1,x,\n2,y,\n4,x,\n",
    "delimiters at the end of the header too": "a,b,\n1,x,\n2,y,\n4,x,\n",
    "spaces": "a, b\n1, x\n2, y\n4, x\n",
    "sep": "sep=;\r\na;b\r\n1;x\r\n2;y\r\n4;x\r\n",
}


@pytest.mark.parametrize("kind", INDEXED)
def test_values_without_a_column_are_left_out_and_reported(kind: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(INDEXED[kind], "utf-8", newline="")
    found = source.read(tmp_path / "table.csv")
    assert found.frame.to_dict("list") == {"a": [1, 2, 4], "b": ["x", "y", "x"]}
    assert found.notes


def test_rows_with_fewer_fields_are_counted(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,x\n\n2\n3,\n4,y\n5\n", "utf-8")
    found = source.read(tmp_path / "table.csv")
    assert found.frame["b"].fillna("").tolist() == ["x", "", "", "y", ""]
    assert found.notes[0].startswith("2 of 5 rows, the first of them row 2, have fewer fields")


def test_a_plain_file_needs_no_word(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,x\n2,y\n", "utf-8")
    found = source.read(tmp_path / "table.csv")
    assert (found.notes, found.remarks, found.words) == ((), {}, {})


@pytest.mark.parametrize("header", ["2019,2020,2021", "0,1,2", "state,2019,2020", "b,c,a", "a,x,y"])
def test_numbers_or_frequent_words_can_be_a_header(header: str, tmp_path: Path) -> None:
    first = "a" if header[0].isalpha() else "7"
    rows = "".join(f"{first},{k}.5,{k * k}\n" for k in range(5))
    (tmp_path / "table.csv").write_text(f"{header}\n{rows}", "utf-8")
    assert list(source.read(tmp_path / "table.csv").frame) == header.split(",")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["250", "250.0", "250.00", "401.9"], "'250' and '250.0' would be the same number"),
        (["1.1", "1.10", "1.2"], "'1.1' and '1.10' would be the same number"),
        (["1.10", "1.2", "1.3"], "'1.10' would lose its last zero"),
        (["007", "1"], "'007' would lose its zeros"),
        (["-01", "1"], "'-01' would lose its zeros"),
        (["+5", "-3"], "'+5' would lose its sign"),
        (["10e0", "12"], "'10e0' would lose its exponent"),
        (["9007199254740993", "1"], "'9007199254740993' has too many digits"),
        (["1_000", "2_000"], ""),
        (["0x1F", "0x2F"], ""),
    ],
)
def test_texts_whose_spelling_a_number_would_lose_stay_texts(
    texts: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text("a,b\n" + "".join(f"{t},x\n" for t in texts), "utf-8")
    found = source.read(tmp_path / "table.csv")
    assert found.frame["a"].tolist() == texts
    assert found.remarks.get("a", "").startswith(said)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.0", "2.25", "3"], [1, 2.25, 3]),
        (["1.50", "2.25"], [1.5, 2.25]),
        (["1e-05", "1.5e+10", "0.1"], [1e-05, 1.5e10, 0.1]),
        (["-0.0", "0.0", "1.5"], [0, 0, 1.5]),
        ([" 1", "2 "], [1, 2]),
        (["9007199254740991", "1"], [9007199254740991, 1]),
        ([*(f"{k}.5" for k in range(60)), "1.50"], [*(k + 0.5 for k in range(60)), 1.5]),
    ],
)
def test_other_numbers_are_numbers(texts: list[str], numbers: list[float], tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n" + "".join(f"{t},x\n" for t in texts), "utf-8")
    found = source.read(tmp_path / "table.csv")
    assert found.frame["a"].tolist() == numbers
    said = found.remarks.get("a", "")
    assert said == ("'1.5' and '1.50' are read as the same number" if len(texts) > 60 else "")


def test_words_in_a_column_of_numbers_are_counted(tmp_path: Path) -> None:
    text = "a,b,c\n1,NA,NA\nNA,x,2\nNA,y,\nnull,y,3\n"
    (tmp_path / "table.csv").write_text(text, "utf-8")
    found = source.read(tmp_path / "table.csv", {"c": {"NA"}})
    counted = {name: words.value_counts().to_dict() for name, words in found.words.items()}
    assert counted == {"a": {"NA": 2, "null": 1}}
    assert found.frame["a"].isna().sum() == 3
    assert found.frame["b"].tolist() == ["NA", "x", "y", "y"]
    assert found.frame["c"].fillna("").tolist() == ["NA", "2", "", "3"]


def test_the_index_of_a_parquet_file_is_not_an_input(tmp_path: Path) -> None:
    part = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    pd.concat([part, part]).to_parquet(tmp_path / "joined.parquet")
    found = source.read(tmp_path / "joined.parquet")
    assert list(found.frame) == ["a", "b"]
    assert "'__index_level_0__'" in found.notes[0]
    part.set_index("b").to_parquet(tmp_path / "named.parquet")
    found = source.read(tmp_path / "named.parquet")
    assert (sorted(found.frame), found.index) == (["a", "b"], ("b",))


@pytest.mark.parametrize(
    "array",
    [
        pa.array([2**64 - 1, None, 5], pa.uint64()),
        pa.array([2**53 + 1, None, 5], pa.int64()),
        pa.array([Decimal(2**70), None, Decimal(5)], pa.decimal128(38, 0)),
    ],
    ids=lambda array: str(array.type),
)
def test_numbers_with_too_many_digits_are_texts(array: pa.Array, tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": array}), tmp_path / "long.parquet")
    found = source.read(tmp_path / "long.parquet")
    assert found.frame["key"].fillna("").tolist() == [str(array[0]), "", "5"]
    assert "too many digits" in found.remarks["key"]


def test_small_numbers_of_these_types_are_numbers(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array([7, None], pa.uint64()), "b": pa.array([Decimal("2.5"), None])})
    pq.write_table(table, tmp_path / "small.parquet")
    frame = source.read(tmp_path / "small.parquet").frame
    assert [str(kind) for kind in frame.dtypes] == ["Int64", "float64"]


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
    again = source.read(tmp_path / f"t{suffix}").frame
    assert list(again.columns) == list(frame.columns)
    assert again["a, b"].fillna("").tolist() == ["007", "x\ny", "", '"q"']
    assert again["n"].tolist() == frame["n"].tolist()
    assert again["f"].dropna().tolist() == frame["f"].dropna().tolist()
