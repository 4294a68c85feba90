"""Data files that a library silently reads as something else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.config import Column
from sluice.errors import SluiceError
from sluice.table import read_raw
from support.command_line import InProcess
from support.fixture_project import Toy

COLUMNS = {"a": Column(type="number"), "b": Column(type="category", values=["x", "y"])}


def test_rows_longer_than_the_header(tmp_path: Path) -> None:
    """pandas would use the first column as an index, and shift the others by one."""
    path = tmp_path / "data.csv"
    path.write_text("a,b\n0,1.5,x\n1,2.5,y\n", "utf-8")
    with pytest.raises(SluiceError, match="some rows have more values than the header has names"):
        read_raw(path, COLUMNS)


def test_a_nested_column(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    flat = pa.Table.from_pandas(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    pq.write_table(flat.set_column(1, "b", pa.array([["x"], ["y"]])), path)
    with pytest.raises(SluiceError, match="is not a readable table"):
        read_raw(path, COLUMNS)


def test_no_id_is_given(toy: Toy) -> None:
    """The key `id` may be left out of params.yaml, so DVC must not require it."""
    with toy.params() as params:
        del params["data"]["id"]
        params["columns"]["key"]["use"] = "ignored"
    toy.dvc("repro", "split").went_well()


def test_a_value_that_would_fill_the_report(toy: Toy, in_process: InProcess) -> None:
    frame = toy.data()
    frame.loc[0, "colour"] = "a\n" * 100_000
    toy.write_data(frame)
    ran = in_process(toy, "check", "data-quality")
    assert ran.status == 1
    why = toy.findings("data-quality")["data-quality/colour/values"]["why"]
    assert r"a\na\na" in why
    assert len(why) < 200
