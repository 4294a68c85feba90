"""A value means the same in params.yaml, in CSV and Parquet files, and in requests."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.config import Column
from sluice.labels import Levels, label
from sluice.missing import WORDS, is_missing
from sluice.model import Input, Signature
from sluice.model import encode as encode_records
from sluice.serve.batch.column_plan import plan_columns
from sluice.serve.batch.columns import encode as encode_batch
from sluice.serve.http.tensors import categories
from sluice.table import read_raw, typed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (np.float64("nan"), ""),
        (2, "2"),
        (2.0, "2"),
        ("2.0", "2.0"),
        (np.int8(2), "2"),
        (np.float32(2), "2"),
        (-1.0, "-1"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (2.5, "2.5"),
        (Decimal("2.00"), "2"),
        (Decimal("2.50"), "2.5"),
        ("02", "02"),
        (True, "true"),
        (np.bool_(False), "false"),
        ("TRUE", "TRUE"),
        (" a ", " a "),
        ("NA", "NA"),
        ("", ""),
    ],
)
def test_a_text_is_its_own_label_and_a_number_has_one_label(value: object, text: str) -> None:
    assert label(value) == text
    assert label(label(value)) == text


@pytest.mark.parametrize(
    ("declared", "value", "meant"),
    [
        (["NA", "ZA"], "NA", "NA"),
        (["ZA", "BW"], "NA", ""),
        (["None", "some"], "None", "None"),
        (["some"], "None", ""),
        ([], "null", ""),
        (["", "x"], "", ""),
        (["nan"], float("nan"), ""),
        (["250", "250.0", "250.00"], "250.0", "250.0"),
        (["250", "250.0", "250.00"], "250.00", "250.00"),
        (["250", "250.0", "250.00"], 250.0, "250"),
        (["250"], "250.0", "250"),
        (["250"], "0250", "0250"),
        (["250.0"], 250, "250.0"),
        (["250.0", "250.00"], 250, "250"),
        (["1.1", "1.10"], "1.10", "1.10"),
        (["true", "false"], "TRUE", "true"),
        (["TRUE", "FALSE"], True, "TRUE"),
        (["True", "TRUE"], "TRUE", "TRUE"),
        (["0", "1"], "-0.0", "0"),
        (["a"], "b", "b"),
        ([], "2.0", "2"),
    ],
)
def test_a_declared_value_comes_before_a_word_and_before_another_spelling(
    declared: list[str], value: object, meant: str
) -> None:
    levels = Levels(declared)
    assert levels.of(value) == meant
    assert levels.of(levels.of(value)) == meant


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_missing_unless_it_is_declared(word: str) -> None:
    assert is_missing(word)
    assert is_missing(word, {word}) == (word == "")
    assert Levels([word]).of(word) == word


_TEXTS = st.sampled_from([*WORDS, "a", "A", "1", "1.0", "1.00", "01", "true", "TRUE", "0", "-0.0"])


@settings(max_examples=25, deadline=None)
@given(st.sets(_TEXTS.filter(bool), max_size=5), st.lists(_TEXTS, min_size=1, max_size=8))
def test_a_text_is_the_same_level_on_every_path(
    tmp_path_factory: pytest.TempPathFactory, declared: set[str], texts: list[str]
) -> None:
    column = Column(type="category", values=sorted(declared) or None)
    known = Signature("binary", (Input("c", "category", values=column.declared),), ("no", "yes"))
    folder = tmp_path_factory.mktemp("levels")
    frame = pd.DataFrame({"n": range(len(texts)), "c": texts})
    frame.to_csv(folder / "rows.csv", index=False)
    frame.to_parquet(folder / "rows.parquet")
    batch = pa.RecordBatch.from_pydict({"c": texts})
    plan = plan_columns(known, batch.schema, [], "rows", parsed=False)
    ways = {
        name: typed(read_raw(folder / name, {"c": column}), {"c": column})["c"].tolist()
        for name in ("rows.csv", "rows.parquet")
    }
    ways["batch"] = encode_batch(plan, batch)[0].categories[:, 0].tolist()
    ways["records"] = (
        encode_records(known, [{"c": text} for text in texts]).categories[:, 0].tolist()
    )
    ways["tensors"] = categories(texts, known.levels["c"])
    assert len(set(map(tuple, ways.values()))) == 1, ways
    for text, level in zip(texts, ways["batch"], strict=True):
        if text in declared:
            assert level == text
        elif text in WORDS:
            assert level == ""


def test_a_word_in_a_number_is_missing_and_a_decimal_is_read_exactly(tmp_path: Path) -> None:
    columns = {"x": Column(type="number"), "t": Column(type="text")}
    exact = "0.1234567890123456789"
    cells = [*WORDS, exact, "9007199254740993"]
    lines = ["x,t", *(f"{cell},{cell or 'a'}" for cell in cells)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n", "utf-8")
    raw = read_raw(tmp_path / "rows.csv", columns)
    read = typed(raw, columns)
    assert read["x"].isna().tolist() == [True] * len(WORDS) + [False, False]
    assert read["x"].iloc[-2] == float(exact)
    assert read["t"].tolist() == ["a", *[""] * (len(WORDS) - 1), exact, "9007199254740993"]
