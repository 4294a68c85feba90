"""A table gives the same findings in batches and by columns as when it is read at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pytest

from sluice import raw_table
from sluice.check import data_quality, many_rows
from sluice.check.expectations import of_usecase
from sluice.check.prepared import prepare
from sluice.project import Project
from sluice.raw_table import RawTable
from sluice.verdict import Finding
from support import fixture_project
from support.command_line import InProcess
from support.fixture_project import Toy, params
from support.refusal import gate_refuses

ROWS = 1_500
USECASE = [
    gxe.ExpectColumnMeanToBeBetween(column="weight", min_value=0, max_value=500),
    gxe.ExpectColumnMedianToBeBetween(column="weight", min_value=900, max_value=901),
    gxe.ExpectCompoundColumnsToBeUnique(column_list=["key", "weight"]),
    gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="weight", column_B="slope"),
    gxe.ExpectTableColumnCountToBeBetween(min_value=3, max_value=4),
    gxe.ExpectTableRowCountToBeBetween(min_value=9, max_value=10),
]


def project_of(folder: Path, data: pd.DataFrame) -> Project:
    """A project whose table is a folder of three Parquet files."""
    toy, settings = Toy(folder), params("binary")
    settings["data"]["file"] = "data/parts"
    toy.write_params(settings)
    parts = folder / "data/parts"
    parts.mkdir(parents=True)
    for k, rows in enumerate(np.array_split(np.arange(len(data)), 3)):
        data.iloc[rows].to_parquet(parts / f"{k}.parquet", index=False, row_group_size=100)
    return Project(folder)


def whole(project: Project) -> list[Finding]:
    raw = RawTable.of(project.data, project.settings.columns)
    frame = prepare(raw.whole(), project.settings)
    return data_quality._of_whole(project, frame, of_usecase(USECASE))


def in_batches(project: Project, patch: pytest.MonkeyPatch) -> list[Finding]:
    patch.setattr(raw_table, "WHOLE", 10)
    patch.setattr(raw_table, "BATCH", 250)
    raw = RawTable.of(project.data, project.settings.columns)
    assert raw.large
    return data_quality._of_large(project, raw, of_usecase(USECASE))


def as_it_is(data: pd.DataFrame) -> pd.DataFrame:
    return data


def out_of_range_and_missing(data: pd.DataFrame) -> pd.DataFrame:
    data.loc[[3, 900], "weight"] = [1e9, np.nan]
    return data


def repeated(data: pd.DataFrame) -> pd.DataFrame:
    again = data.iloc[:400].assign(key=[f"again {n}" for n in range(400)])
    return pd.concat([data, again, again.iloc[:9]], ignore_index=True)


def nearly_repeated(data: pd.DataFrame) -> pd.DataFrame:
    heavier = (data["weight"].astype(float) + 1).clip(upper=200)
    return pd.concat([data, data.assign(key="c" + data["key"], weight=heavier)], ignore_index=True)


def without_a_column(data: pd.DataFrame) -> pd.DataFrame:
    return data.drop(columns="weight").assign(other=1)


@pytest.mark.parametrize(
    "change", [as_it_is, out_of_range_and_missing, repeated, nearly_repeated, without_a_column]
)
def test_the_findings_are_those_of_the_whole_table(
    change: Callable[[pd.DataFrame], pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(tmp_path, change(fixture_project.table("binary", ROWS)))
    expected = whole(project)
    found = in_batches(project, monkeypatch)
    assert [finding.name for finding in found] == [finding.name for finding in expected]
    for one, other in zip(found, expected, strict=True):
        assert one == other, one.name
    refused = [finding.name for finding in found if not finding.passes]
    assert "data-quality/usecase/expect_table_row_count_to_be_between" in refused
    if change is repeated:
        assert {"data-quality/duplicated rows", "data-quality/key/unique"} <= set(refused)
    if change is nearly_repeated:
        assert "data-quality/near duplicates" in refused


def test_rows_of_one_customer_are_found_among_many_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among rows drawn at random, hardly any two would belong to one customer."""
    rows = 6_000
    random = np.random.default_rng(2)
    data = fixture_project.table("binary", rows)
    customer = random.permutation(np.arange(rows) // 3)
    for name in ("colour", "side"):
        data[name] = random.choice(data[name].unique(), rows)[customer]
    data["customer"] = [f"c{n}" for n in customer]
    settings = params("binary")
    settings["columns"]["customer"] = {"type": "text", "use": "ignored"}
    project = project_of(tmp_path, data)
    Toy(tmp_path).write_params(settings | {"data": {**settings["data"], "file": "data/parts"}})
    monkeypatch.setattr(raw_table, "WHOLE", 10)
    monkeypatch.setattr(many_rows, "SAMPLE", 600)
    monkeypatch.setattr(many_rows, "OF_VALUES", 1_500)
    made = Project(tmp_path).settings
    drawn = many_rows.samples(RawTable.of(project.data, made.columns), made)
    found = many_rows.suspected(drawn, made)
    assert found is not None
    assert found.columns == ("customer",)
    of_values = drawn.of_values["customer"]
    assert of_values["customer"].value_counts().eq(3).all()
    assert 1_000 < len(of_values) < 2_500
    several = drawn.typed["customer"].value_counts()
    assert several[several > 1].sum() < 0.4 * len(drawn.typed)


def test_all_rows_of_a_value_are_in_its_sample_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth of the rows have the value zero, with either sign; these count as one value."""
    rows = 6_000
    data = fixture_project.table("binary", rows)
    zeros = np.arange(rows) % 10 == 0
    data["waste"] = np.where(zeros, np.where(np.arange(rows) % 20 == 0, -0.0, 0.0), data["waste"])
    project = project_of(tmp_path, data)
    monkeypatch.setattr(raw_table, "WHOLE", 10)
    monkeypatch.setattr(many_rows, "OF_VALUES", 1_500)
    raw = RawTable.of(project.data, project.settings.columns)
    found = many_rows.samples(raw, project.settings).of_values["waste"]["waste"]
    assert 400 < len(found) < 3_000
    counts, every = found.value_counts(), data["waste"].value_counts()
    assert (counts == every[counts.index]).all()
    # A hash of 0 would put zero into every sample, however few rows it has.
    positive, negative = many_rows._hashes(pd.DataFrame({"x": [0.0, -0.0]}))
    assert positive == negative > 2**40


def test_the_command_refuses_a_bad_value_in_the_last_part(
    toy: Toy, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = fixture_project.table("binary")
    data.loc[len(data) - 1, "weight"] = 250.0
    project_of(toy.root, data)
    monkeypatch.setattr(raw_table, "WHOLE", 10)
    ran = in_process(toy, "check", "data-quality")
    refused = {"data-quality/weight/range": ("fail", "1 of 3,600 values break")}
    gate_refuses(toy, ran, "data-quality", refused)
