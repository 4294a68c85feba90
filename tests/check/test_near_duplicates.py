"""Copies of rows with a changed value are found; tables without copies have none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from sluice.check.near_duplicates import finding, near_duplicates
from sluice.verdict import Status
from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import gate_refuses


def settings_of(frame: pd.DataFrame, group: str | None = None) -> Any:
    features = [name for name in frame if name not in ("y", group)]
    split, data = SimpleNamespace(group_column=group), SimpleNamespace(target="y")
    return SimpleNamespace(features=features, seed=1, split=split, data=data)


def numbers(rows: int, columns: int, seed: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, columns)).round(3))
    frame.columns = [f"x{k}" for k in range(columns)]
    return frame.assign(y=random.integers(0, 2, rows))


def share(frame: pd.DataFrame, group: str | None = None) -> float:
    return float(near_duplicates(frame, settings_of(frame, group)).mean())


def with_copies(frame: pd.DataFrame, times: int = 1) -> pd.DataFrame:
    copies = [frame.assign(x0=frame["x0"] + k + 1) for k in range(times)]
    return pd.concat([frame, *copies], ignore_index=True)


def test_every_row_again_with_one_value_changed() -> None:
    for columns in (6, 20):
        frame = numbers(1_500, columns)
        assert share(frame) < 0.01
        assert share(with_copies(frame)) > 0.9
        assert share(with_copies(frame, times=4)) > 0.9


def test_copies_of_a_few_rows() -> None:
    frame = numbers(3_000, 10)
    some = pd.concat([frame, frame.iloc[:300].assign(x3=0.0)], ignore_index=True)
    assert 0.1 < share(some) < 0.25


def test_copies_that_are_kept_in_one_part_of_the_split() -> None:
    frame = numbers(1_000, 8).assign(who=np.arange(1_000).astype(str))
    assert share(with_copies(frame), "who") < 0.01


def test_tables_whose_rows_are_naturally_similar() -> None:
    random = np.random.default_rng(3)
    categories = pd.DataFrame(random.integers(0, 4, (8_000, 8)).astype(str))
    categories.columns = [f"c{k}" for k in range(8)]
    assert share(categories.assign(y=random.integers(0, 2, 8_000))) < 0.01
    equal = numbers(500, 6)
    assert share(pd.concat([equal, equal])) < 0.01  # the bound on duplicates judges these
    for columns in (1, 2, 3):
        assert share(numbers(3_000, columns)) < 0.03


def test_the_gate_refuses_rows_that_are_repeated_under_another_id(
    toy: Toy, in_process: InProcess
) -> None:
    data = toy.data()
    heavier = (pd.to_numeric(data["weight"]) + 1).clip(upper=200).astype(data["weight"].dtype)
    copies = data.assign(key="c" + data["key"], weight=heavier)
    toy.write_data(pd.concat([data, copies], ignore_index=True))
    ran = in_process(toy, "check", "data-quality")
    gate_refuses(
        toy,
        ran,
        "data-quality",
        {"data-quality/near duplicates": ("insufficient", "repeat another one except for a few")},
    )


def test_the_share_is_exact_if_every_distinct_row_was_compared() -> None:
    quality = SimpleNamespace(near_duplicates=0.1)
    split = SimpleNamespace(group_column=None)
    project: Any = SimpleNamespace(
        source=lambda *names: ".".join(names),
        settings=SimpleNamespace(quality=quality, split=split),
    )
    some = np.arange(225) < 15
    assert (finding(some, 225, project).status, finding(some, 225, project).interval) == (
        Status.PASS,
        None,
    )
    assert finding(some, 9_000, project).interval is not None
