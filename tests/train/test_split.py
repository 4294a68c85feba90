"""The split keeps rows apart: by their id or group, or by time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config import Split
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.train.split import PARTS, assign, run
from support.fixture_project import Toy, params, table

SHARES = {"validation": 0.2, "holdout": 0.25, "latest": 0.05}
SPLIT = Split(salt="s", **SHARES)
ORDER = ("train", "validation", "holdout", "latest")


def test_a_row_stays_in_its_part_when_the_table_grows() -> None:
    small, large = table("binary", 500), table("binary", 2_000)
    shuffled = large.sample(frac=1, random_state=1)
    before, after = assign(small, SPLIT, "key"), assign(shuffled, SPLIT, "key")
    parts = dict(zip(shuffled["key"], after, strict=True))
    assert [parts[key] for key in small["key"]] == before.tolist()


def test_repeated_rows_are_in_the_same_part_if_there_is_no_id() -> None:
    frame = table("binary", 400).drop(columns="key")
    parts = assign(pd.concat([frame, frame]), SPLIT, None)
    assert parts[:400].tolist() == parts[400:].tolist()
    assert len(set(parts)) == 4


def test_an_id_is_the_same_as_an_integer_and_as_a_float() -> None:
    whole = pd.DataFrame({"id": range(200)})
    parts = assign(whole, SPLIT, "id")
    assert parts.tolist() == assign(whole.astype("float64"), SPLIT, "id").tolist()


def test_each_part_has_its_share_of_rows() -> None:
    frame = pd.DataFrame({"id": range(20_000)})
    shares = pd.Series(assign(frame, SPLIT, "id")).value_counts(normalize=True)
    wanted = {"train": 0.5, "holdout": 0.25, "validation": 0.2, "latest": 0.05}
    assert shares.to_dict() == pytest.approx(wanted, abs=0.015)


@pytest.mark.parametrize("by_time", [None, "month"])
def test_all_rows_of_a_group_are_in_one_part(by_time: str | None) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(3_000), "who": random.integers(0, 300, 3_000)})
    frame["month"] = frame["who"] // 5 + random.integers(0, 3, 3_000)
    split = Split(salt="s", group="who", by_time=by_time, **SHARES)
    frame["part"] = assign(frame, split, "id")
    assert set(frame["part"]) == set(PARTS)
    assert frame.groupby("who")["part"].nunique().max() == 1


def test_a_group_keeps_its_part_when_its_rows_change() -> None:
    split = Split(salt="s", group="who", **SHARES)
    frame = pd.DataFrame({"who": [f"c{n}" for n in range(100)], "x": 1.0})
    again = frame.assign(x=2.0).sample(frac=1, random_state=0)
    before = dict(zip(frame["who"], assign(frame, split, None), strict=True))
    assert dict(zip(again["who"], assign(again, split, None), strict=True)) == before


@given(st.lists(st.integers(1, 40), min_size=4, max_size=60))
def test_older_rows_are_in_earlier_parts_and_equal_times_in_one(rows: list[int]) -> None:
    times = np.repeat(np.arange(len(rows), dtype=float), rows)
    shuffled = np.random.default_rng(0).permutation(times)
    split = Split(salt="s", by_time="t", **SHARES)
    parts = assign(pd.DataFrame({"t": shuffled}), split, None)
    spans = [shuffled[parts == name] for name in ORDER]
    for earlier, later in pairwise(spans):
        assert earlier.max() < later.min()


def test_a_split_by_time_has_the_shares_of_the_settings() -> None:
    split = Split(salt="s", by_time="t", **SHARES)
    days = pd.date_range("2021-01-01", periods=1_000).strftime("%Y-%m-%d")
    counts = pd.Series(assign(pd.DataFrame({"t": days}), split, None)).value_counts()
    assert counts.to_dict() == {"train": 500, "holdout": 250, "validation": 200, "latest": 50}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["2024-01-01", "", "2024-01-03", "2024-01-04"], "is missing in data row 2"),
        (["2024-01-01", "2024-01-02", "spring", "2024-01-04"], "is 'spring' in data row 3"),
        ([1.0, 2.0, 3.0, float("nan")], "is missing in data row 4"),
        ([2019, 2020, 2021, 2019], "has only 3 different times"),
    ],
)
def test_times_that_cannot_order_the_rows(values: list[object], why: str) -> None:
    split = Split(salt="s", by_time="when", **SHARES)
    with pytest.raises(SluiceError, match=rf"split.by_time: column 'when' {why}"):
        assign(pd.DataFrame({"when": values}), split, None)


def test_groups_that_all_last_until_the_end_cannot_be_split_by_time() -> None:
    frame = pd.DataFrame({"who": [0, 1, 2] * 9, "when": np.repeat(np.arange(9.0), 3)})
    split = Split(salt="s", by_time="when", group="who", **SHARES)
    with pytest.raises(SluiceError, match="only 1 different times, the last of each 'who'"):
        assign(frame, split, None)


def test_the_parts_of_a_project_are_split_by_group_or_by_time(tmp_path: Path) -> None:
    toy, project, data = Toy(tmp_path), Project(tmp_path), table("binary", 1_200)
    data["when"] = [f"2023-{1 + n % 9:02d}-15" for n in range(len(data))]
    data["house"] = [f"h{n // 4}" for n in range(len(data))]
    settings = params("binary")
    for name in ("when", "house"):
        settings["columns"][name] = {"type": "text", "use": "ignored"}
    settings["split"]["group"] = "house"
    toy.write_params(settings)
    toy.write_data(data)
    run(project)
    parts = {name: pd.read_parquet(project.split(name)) for name in ORDER}
    houses = [set(part["house"]) for part in parts.values()]
    assert len(set.union(*houses)) == sum(map(len, houses)) == len(data) / 4

    settings["split"] |= {"group": "none", "by_time": "when"}
    toy.write_params(settings)
    run(Project(tmp_path))
    parts = {name: pd.read_parquet(project.split(name)) for name in ORDER}
    ends = [(part["when"].iloc[0], part["when"].iloc[-1]) for part in parts.values()]
    assert ends == sorted(ends)
    assert ends[-1] == ("2023-09-15", "2023-09-15")

    data.loc[7, "when"] = "soon"
    toy.write_data(data)
    with pytest.raises(SluiceError, match="'when' is 'soon' in data row 8"):
        run(Project(tmp_path))
