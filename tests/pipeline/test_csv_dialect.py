"""The same table is read from CSV with every delimiter, by `adopt`, the pipeline and `score`."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice import csv_dialect
from sluice.adopt import source
from sluice.config import Column
from sluice.errors import SluiceError
from sluice.serve.batch.csv_file import CsvFile
from sluice.table import read_raw

_CELLS = st.text(st.sampled_from("ab1;,|\t.'\" é\n\r"), min_size=1, max_size=5).filter(
    lambda text: text.strip() == text
)
_ROWS = st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=3, max_size=6)


@settings(max_examples=40, deadline=None)
@given(_ROWS, st.sampled_from(",;\t|"), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_every_reader_finds_the_same_cells(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    mark: bool,
    end: str,
) -> None:
    names = ["first", "the second", "third"]
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        # Before Python 3.13, csv does not quote a carriage return by itself.
        returns = any("\r" in cell for row in rows for cell in row)
        quoting = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        writer.writerows([names, *rows])
    wanted = [dict(zip(names, row, strict=True)) for row in rows]
    columns = {name: Column(type="text") for name in names}
    assert read_raw(path, columns).to_dict("records") == wanted
    (read,) = CsvFile(path, names).batches(10)
    assert read.batch.to_pylist() == wanted


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_adopt_and_the_pipeline_read_the_same_numbers(
    delimiter: str, mark: str, tmp_path: Path
) -> None:
    lines = [delimiter.join(["a", "b"]), *(delimiter.join([str(n), f"{n}.5"]) for n in range(5))]
    path = tmp_path / "rows.csv"
    path.write_text(mark + "\n".join(lines) + "\n", "utf-8")
    columns = {"a": Column(type="integer"), "b": Column(type="number")}
    adopted, read = source.read(path).frame, read_raw(path, columns)
    assert adopted["b"].tolist() == read["b"].tolist()
    assert adopted["a"].tolist() == [0, 1, 2, 3, 4] == read["a"].tolist()


@pytest.mark.parametrize(
    ("text", "names", "delimiter"),
    [
        ("a;b\n1,5;2,5\n", (), ";"),
        ("a\n1\n", (), ","),
        ("a\tb,c\n1\t2\n", ("a", "b,c"), "\t"),
        # The rows are ragged, so only the names show the delimiter.
        ("a|b|c\n1|2\n1|2|3\n", ("a", "b", "c"), "|"),
        # A semicolon gives rows of equal length, but not the expected columns.
        ("a,b;c\n1,2;3\n4,5;6\n", ("a", "b;c"), ","),
        ('"a;x";"b,y"\n1;2\n', (), ";"),
        ("\n\n", (), ","),
    ],
)
def test_the_delimiter_is_recognised_by_the_header_and_the_rows(
    text: str, names: tuple[str, ...], delimiter: str
) -> None:
    assert csv_dialect.delimiter(text, names) == delimiter


def test_a_sample_may_end_within_a_character(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a;b\n" + "é;ü\n" * 20_000 + "x", "utf-8")
    assert csv_dialect.delimiter(csv_dialect.sample(path)) == ";"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("a,b\n".encode("utf-16"), "is UTF-16: convert it"),
        (b"a,b\n\xe4,1\n", "is not UTF-8 (byte 4)"),
        (b"a,b\n\x00,1\n", "contains binary data"),
        (b"PK\x03\x04rest", "is a spreadsheet or an archive"),
    ],
)
def test_every_reader_refuses_what_is_not_csv_with_the_same_message(
    content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    readers = [
        lambda: source.read(path),
        lambda: read_raw(path, {"a": Column(type="text")}),
        lambda: CsvFile(path, ["a"]),
    ]
    for reader in readers:
        with pytest.raises(SluiceError) as error:
            reader()
        assert words in str(error.value)
        assert str(path) in str(error.value)


@settings(max_examples=40, deadline=None)
@given(_ROWS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    frame["n"] = [float("nan"), *range(1, len(rows))]
    csv_dialect.write(frame, path)
    columns = {name: Column(type="text") for name in "abc"} | {"n": Column(type="number")}
    pd.testing.assert_frame_equal(read_raw(path, columns), frame, check_dtype=False)
