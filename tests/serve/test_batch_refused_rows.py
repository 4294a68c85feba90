"""`sluice score` refuses the same rows as the server, with the same messages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas._libs.parsers import STR_NA_VALUES

from sluice.missing import WORDS
from sluice.model import Input, InputError, Signature, Tensors
from sluice.model import encode as encode_records
from sluice.serve.batch.column_plan import plan_columns
from sluice.serve.batch.columns import Fault, encode
from support.fixture_project import Toy
from support.serving.scoring import model, put, records, rows, score, signature

KNOWN = Signature(
    "binary",
    tuple(Input(f"n{at}", "number") for at in range(3))
    + tuple(Input(f"c{at}", "category") for at in range(2)),
    ("no", "yes"),
)

_NUMBERS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.float64(), [1.5, -0.0, 1e300, math.nan, math.inf, -math.inf, 0.1]),
    (pa.float32(), [1.5, math.nan, math.inf, 2.0]),
    (pa.int64(), [0, 1, -5, 2**53 + 1, 2**63 - 1, -(2**63)]),
    (pa.uint64(), [0, 2**64 - 1, 2**53 + 1]),
    (pa.int8(), [0, 1, -5]),
    (pa.bool_(), [True, False]),
    (pa.string(), ["1", "abc", "", "NaN", "é"]),
    (pa.large_string(), ["1", "abc"]),
    (pa.string_view(), ["1", "abc"]),
    (pa.null(), [None]),
    (pa.dictionary(pa.int8(), pa.int64()), [1, 2, 3]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b"]),
]
_CATEGORIES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), ["2", "2.0", "red", "True", "TRUE", "false", "", "NaN", "é"]),
    (pa.int64(), [2, -1, 2**60]),
    (pa.float64(), [2.0, 2.5, -0.0, math.nan, math.inf, 1e22]),
    (pa.bool_(), [True, False]),
    (pa.null(), [None]),
    (pa.dictionary(pa.int32(), pa.string()), ["2.0", "red", "TRUE"]),
    (pa.dictionary(pa.int32(), pa.int64()), [2, 3]),
]


def _drawn(random: np.random.Generator, kinds: list[Any], count: int) -> pa.Array:
    held, values = kinds[random.integers(len(kinds))]
    picked = [values[at] for at in random.integers(len(values), size=count)]
    return pa.array([None if random.random() < 0.2 else value for value in picked], held)


def _alone(known: Signature, record: dict[str, Any]) -> Tensors | Fault:
    try:
        return encode_records(known, [record])
    except InputError as error:
        return Fault(error.column, error.problem)


def _agree(batch: pa.RecordBatch, sent: list[dict[str, Any]], *, parsed: bool) -> int:
    """Compare a batch with its records one by one; returns how many rows are refused."""
    tensors, faults = encode(plan_columns(KNOWN, batch.schema, [], "x", parsed=parsed), batch)
    for row, record in enumerate(sent):
        alone = _alone(KNOWN, record)
        assert faults.get(row) == (alone if isinstance(alone, Fault) else None), record
        if isinstance(alone, Tensors):
            assert tensors.numbers[row].tobytes() == alone.numbers[0].tobytes(), record
            assert tensors.categories[row].tolist() == alone.categories[0].tolist(), record
    return len(faults)


@pytest.mark.parametrize("seed", range(40))
def test_typed_columns_are_treated_like_records(seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = {
        each.name: _drawn(random, _NUMBERS if each.type == "number" else _CATEGORIES, 60)
        for each in KNOWN.inputs
    }
    # The table is a slice, as a batch may be: its first row is not the first row of its buffers.
    batch = pa.RecordBatch.from_pydict(columns).slice(7, 41)
    _agree(batch, batch.to_pylist(), parsed=False)


def test_decimals_are_treated_like_numbers_in_json() -> None:
    texts = ["0.10", "12345678901234567.89", "-2.00", None]
    spelled = pa.array(texts).cast(pa.decimal128(20, 2))
    whole = pa.array(["2", "3", None, "0"]).cast(pa.decimal128(20, 0))
    columns = {"n0": spelled, "n1": whole, "n2": whole, "c0": spelled, "c1": whole}
    sent = [
        {name: None if value is None else json.loads(str(value)) for name, value in record.items()}
        for record in pa.RecordBatch.from_pydict(columns).to_pylist()
    ]
    assert _agree(pa.RecordBatch.from_pydict(columns), sent, parsed=False) == 0


_CELLS = [
    *("1", "-2.50", "1e5", "+5", " 7 ", ".5", "5.", "1e999", "-1e999", "1e-999", "inf", "Infinity"),
    *("abc", "1,5", "1_000", "0x10", "true", "١٢", " ", "9007199254740993", "--1", "1 2", "é"),
    *sorted(STR_NA_VALUES),
]


def _meant(text: str, kind: str) -> float | str | None:
    """The value of a CSV cell as a record would contain it."""
    if text in STR_NA_VALUES:
        return None
    if kind == "category" or "_" in text or not text.isascii():
        return text
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("seed", range(20))
def test_csv_cells_are_treated_like_values_in_records(seed: int) -> None:
    random = np.random.default_rng(seed)
    plain = [cell for cell in _CELLS if isinstance(_meant(cell, "number"), (float, type(None)))]
    columns = {}
    for each in KNOWN.inputs:
        cells = plain if random.random() < 0.5 else _CELLS
        columns[each.name] = [cells[at] for at in random.integers(len(cells), size=50)]
    batch = pa.RecordBatch.from_pydict({name: pa.array(held) for name, held in columns.items()})
    kinds = {each.name: each.type for each in KNOWN.inputs}
    sent = [
        {name: _meant(text, kinds[name]) for name, text in record.items()}
        for record in batch.to_pylist()
    ]
    _agree(batch, sent, parsed=True)


def test_csv_cells_are_missing_where_pandas_reads_them_as_missing() -> None:
    assert set(WORDS) == STR_NA_VALUES


@pytest.fixture
def ready(built: Callable[[str], Toy]) -> Toy:
    return built("binary")


def _spoilt(toy: Toy, count: int = 600) -> pa.Table:
    """Rows of which some have values that the model cannot score."""
    given = rows(toy, count=count)
    weight = given["weight"].to_pylist()
    slope = given["slope"].to_pylist()
    for at in range(3, count, 50):
        weight[at] = math.inf
    for at in range(5, count, 100):
        slope[at] = math.nan
        weight[at] = -math.inf
    given = given.set_column(given.column_names.index("weight"), "weight", pa.array(weight))
    return given.set_column(given.column_names.index("slope"), "slope", pa.array(slope))


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_refused_rows_go_to_the_quarantine_with_their_reasons(
    ready: Toy, tmp_path: Path, suffix: str
) -> None:
    given, output = _spoilt(ready), tmp_path / "out.parquet"
    ran = score(ready, put(given, tmp_path / f"rows.{suffix}"), output, status=1)
    aside = tmp_path / "out.quarantine.parquet"
    assert ran.err == f"sluice: 18 of 600 rows were refused; {aside} lists each with the reason\n"
    refused, scored = pq.read_table(aside), pq.read_table(output)
    assert refused.column_names == ["row", *given.column_names, "column", "problem"]
    known, whole = signature(ready), model(ready)
    good = []
    told = {each["row"]: each for each in refused.to_pylist()}
    for row, record in enumerate(records(given, known)):
        alone = _alone(known, record)
        if isinstance(alone, Fault):
            assert (told[row]["column"], told[row]["problem"]) == alone
            assert told[row]["key"] == given["key"][row].as_py()
        else:
            good.append(row)
    assert scored["row"].to_pylist() == good
    assert len(good) + len(told) == 600
    expected = whole.score_records([records(given, known)[row] for row in good])
    assert scored["score"].to_pylist() == expected.values.tolist()


def test_only_the_bad_rows_of_a_csv_file_are_refused(ready: Toy, tmp_path: Path) -> None:
    names = rows(ready, count=1).column_names
    lines = [
        ",".join(names),
        "a,70.5,0.1,3,1.5,red",
        "b,x1,0.1,3,1.5,red",
        "",
        "c,70.5,0.1,3",
        '"d\nd",70.5,0.1,NA,1.5,"gr""een"',
        "e,70.5,0.1,3,1.5,red,surplus",
        "f,70.5,inf,3,,blue",
        "g,70.5,0.1,3,1.5,red",
        "h",
    ]
    assert names == ["key", "weight", "slope", "visits", "waste", "colour"]
    (tmp_path / "rows.csv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n", "utf-8")
    ran = score(ready, tmp_path / "rows.csv", tmp_path / "out.parquet", status=1)
    assert ran.line.startswith("5 of 8 rows were refused")
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored["row"].to_pylist() == [0, 3, 6]
    assert scored["key"].to_pylist() == ["a", "d\nd", "g"]
    refused = pq.read_table(tmp_path / "out.quarantine.parquet").to_pylist()
    assert {each["row"]: (each["key"], each["column"], each["problem"]) for each in refused} == {
        1: ("b", "weight", "expected a number, found 'x1'"),
        2: (None, None, "expected 6 cells, found 4: 'c,70.5,0.1,3'"),
        4: (None, None, "expected 6 cells, found 7: 'e,70.5,0.1,3,1.5,red,surplus'"),
        7: (None, None, "expected 6 cells, found 1: 'h'"),
        5: ("f", "slope", "expected a finite number; send null for an unknown value"),
    }
    assert next(each for each in refused if each["row"] == 1)["weight"] == "x1"


def test_text_for_a_number_is_refused_row_by_row(ready: Toy, tmp_path: Path) -> None:
    given = rows(ready, count=8)
    given = given.set_column(1, "weight", pa.array(["70.5"] * 7 + [None]))
    score(ready, put(given, tmp_path / "rows.parquet"), tmp_path / "out.parquet", status=1)
    assert pq.read_table(tmp_path / "out.parquet")["row"].to_pylist() == [7]
    refused = pq.read_table(tmp_path / "out.quarantine.parquet")
    assert set(refused["problem"].to_pylist()) == {"expected a number, found '70.5'"}


def test_all_rows_may_be_refused(ready: Toy, tmp_path: Path) -> None:
    given = rows(ready, count=8).set_column(1, "weight", pa.array([math.inf] * 8))
    ran = score(ready, put(given, tmp_path / "rows.parquet"), tmp_path / "out.parquet", status=1)
    assert ran.line.startswith("8 of 8 rows were refused")
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 0


def test_an_earlier_quarantine_is_removed(ready: Toy, tmp_path: Path) -> None:
    bad, good = put(_spoilt(ready), tmp_path / "bad.csv"), put(rows(ready), tmp_path / "good.csv")
    output = tmp_path / "out.parquet"
    aside = ["--quarantine", str(tmp_path / "aside.parquet")]
    score(ready, bad, output, *aside, status=1)
    assert not (tmp_path / "out.quarantine.parquet").exists()
    assert pq.read_metadata(tmp_path / "aside.parquet").num_rows == 18
    score(ready, good, output, *aside)
    assert not (tmp_path / "aside.parquet").exists()


def test_a_parquet_file_of_pandas_is_scored(ready: Toy, tmp_path: Path) -> None:
    frame = pd.DataFrame(rows(ready, count=30).to_pandas())
    assert frame["visits"].isna().any()
    frame["visits"] = frame["visits"].astype("float64")
    frame["colour"] = frame["colour"].astype("category")
    frame.to_parquet(tmp_path / "rows.parquet")
    score(ready, tmp_path / "rows.parquet", tmp_path / "out.parquet")
