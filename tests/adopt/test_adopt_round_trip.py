"""The project reads the same texts of a table as adopt did, or adopt refuses the table."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice import config, table
from sluice.adopt import source
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.missing import is_missing

ROWS = 60
AWKWARD = (
    *("NA", "None", "nan", "null", "n/a", "", " ", "yes", "yes ", "Yes", "true", "True", "TRUE"),
    *("250", "250.0", "250.00", "007", "+5", "1e5", "10e0", "1_000", "1.10", "-0", "0.0", "inf"),
    *("9007199254740993", "2024-01-31", "Jan-24", "20240131", "1,000", "\u2212 5", "(7)", "50 %"),
    *('"', "'", "a;b", "a,b", "a\nb", "a\tb", "\r", "a\rb", "a\r\nb", "#", "=1+1"),
    *("\u00e9", "e\u0301", "\u200b", "\ufeff"),
)
TEXT = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=5))
TEXTS = st.lists(TEXT, min_size=1, max_size=8)
CLASSES = st.lists(TEXT, min_size=2, max_size=4, unique=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def adopted(path: Path, copy: Path) -> Settings | str:
    """Write the project's copy of a file and return its settings, or why adopt refuses the file."""
    try:
        found = source.read(path)
        profile = infer(found, "table", target="y", id_column=None, sensitive=[])
    except SluiceError as error:
        return str(error)
    source.write(found.frame, copy)
    params = copy.with_name("params.yaml")
    text = params_yaml(profile, f"data/{copy.name}", permissive_bounds(profile))
    params.write_text(text, "utf-8")
    return config.load(params)


def meant(text: str | None, column: config.Column) -> str:
    """The meaning of a text of the file in the project: the text, or nothing if it is missing."""
    return "" if text is None or is_missing(text, column.declared) else text


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@settings(max_examples=25, deadline=None)
@given(texts=TEXTS, goal=CLASSES)
def test_the_project_reads_the_texts_of_the_file(
    suffix: str, folder: Path, texts: list[str], goal: list[str]
) -> None:
    rows = [(f"{k}.5", texts[k % len(texts)], goal[k % len(goal)]) for k in range(ROWS)]
    path, copy = folder / f"rows{suffix}", folder / f"copy{suffix}"
    if suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("x", "c", "y"), *rows])
    else:
        pd.DataFrame(rows, columns=["x", "c", "y"]).to_parquet(path)
    found = adopted(path, copy)
    if isinstance(found, str):
        assert "\n" not in found
        return
    read = table.typed(table.read_raw(copy, found.columns), found.columns)
    for place, name in ((1, "c"), (2, "y")):
        column = found.columns[name]
        if column.numeric:
            numbers = pd.to_numeric(pd.Series([row[place] for row in rows]), errors="coerce")
            assert read[name].fillna(-1).tolist() == numbers.fillna(-1).astype(float).tolist()
        else:
            assert [*read[name]] == [meant(row[place], column) for row in rows]
