"""`sluice monitor drift` compares a log with the reference in the package."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from support.fixture_project import Ran
from support.fixture_project.data import table
from support.monitor import put_file, put_log


@pytest.fixture
def drift(monitor: Any) -> Any:
    return partial(monitor, "drift")


def verdict(ran: Ran) -> dict[str, Any]:
    return json.loads(ran.out)


def unmet(ran: Ran) -> dict[str, str]:
    return {f["name"]: f["why"] for f in verdict(ran)["findings"] if f["status"] != "pass"}


def rows(count: int, seed: int = 5) -> pd.DataFrame:
    return table("binary", count, seed)


def test_new_rows_of_the_same_kind_pass(drift, logged, tmp_path) -> None:
    put_log(tmp_path / "log", logged, rows(8_400), days=28)
    ran = drift(tmp_path / "log", "--json")
    assert ran.status == 0, ran.said
    found = verdict(ran)
    assert found["gate"] == "drift"
    assert {f["name"] for f in found["findings"]} == {
        f"drift/{name}"
        for name in (
            "weight",
            "slope",
            "visits",
            "waste",
            "colour",
            "score",
            "all columns together",
        )
    }
    rows_of = {f["name"]: f["n"] for f in found["findings"]}
    del rows_of["drift/all columns together"]  # uses half of the rows of each side
    assert set(rows_of.values()) == {8_400}
    again = drift(tmp_path / "log", "--json")
    assert again.out == ran.out


def _shifted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(waste=frame["waste"] + 2.5)  # half a standard deviation


def _missing(frame: pd.DataFrame) -> pd.DataFrame:
    lost = np.random.default_rng(1).random(len(frame)) < 0.03
    return frame.assign(weight=frame["weight"].mask(lost))


def _unseen(frame: pd.DataFrame) -> pd.DataFrame:
    new = np.random.default_rng(1).random(len(frame)) < 0.02
    return frame.assign(colour=frame["colour"].mask(new, "vi\x1bolet"))


CHANGES = {
    "waste": (_shifted, "of 8,400 rows in the 28 days to 2026-03-31"),
    "weight": (_missing, "missing: 2.8% of"),
    "colour": (_unseen, "unseen values such as"),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_change_raises_an_alarm(drift, logged, tmp_path, column) -> None:
    change, why = CHANGES[column]
    put_log(tmp_path / "log", logged, change(rows(8_400)), days=28)
    ran = drift(tmp_path / "log")
    assert ran.status == 1, ran.said
    assert why in ran.out, ran.out
    # One column also moves the scores of the model, and the columns as a whole.
    failed = {line.split()[1].rstrip(":") for line in ran.out.splitlines() if "fail" in line}
    assert failed - {"drift/score", "drift/all"} == {f"drift/{column}", "drift"}
    assert "\x1b" not in ran.out


def test_too_few_rows_are_reported_with_the_number_that_is_needed(drift, logged, tmp_path) -> None:
    put_log(tmp_path / "log", logged, rows(600), days=28)
    ran = drift(tmp_path / "log", "--json")
    assert ran.status == 3
    assert "independent ones are needed to find a shift of a quarter" in unmet(ran)["drift/weight"]


def test_repeated_customers_count_once(drift, logged, tmp_path) -> None:
    """300 customers, each scored 28 times: their own differences must not be an alarm."""
    few = pd.concat([rows(300, seed=8)] * 28)
    ids = [f"c{n}" for n in range(300)] * 28
    put_log(tmp_path / "log", logged, few, days=28, ids=ids)
    ran = drift(tmp_path / "log", "--json")
    assert ran.status == 3
    assert re.search("of which [34]% count, because ids are repeated", unmet(ran)["drift/weight"])


@pytest.mark.parametrize("what", ["empty", "of another model", "without records"])
def test_nothing_to_compare_is_not_a_pass(drift, logged, tmp_path, what) -> None:
    log = tmp_path / "log"
    log.mkdir()
    if what == "of another model":
        put_log(log, logged.named(package="other"), rows(60), days=3)
    if what == "without records":
        put_file(log, logged.header, [], 0.0, segment=True)
    ran = drift(log, "--json")
    assert ran.status == 3
    (why,) = unmet(ran).values()
    assert {
        "empty": "the log has no files",
        "of another model": "no records of 'toy-binary', but of other",
        "without records": "no records of 'toy-binary' in the 28 days to 2026-03-31",
    }[what] in why


def test_a_log_that_is_not_there_is_an_error(drift, tmp_path) -> None:
    ran = drift(tmp_path / "nowhere")
    assert ran.status == 2
    assert "nowhere: no such file or folder" in ran.line


def test_changed_relations_between_columns_are_found(drift, green, logged, tmp_path) -> None:
    """`waste` depends on `weight`: the distribution of each alone is unchanged."""
    frame = rows(3_000, seed=9)
    order = frame["weight"].to_numpy().argsort().argsort()
    frame["waste"] = np.sort(frame["waste"].to_numpy())[order]
    put_log(tmp_path / "log", logged, frame, days=28)
    train = green.root / "out/split/train.parquet"
    ran = drift(tmp_path / "log", "--json", "--train", str(train))
    assert ran.status == 1
    failed = [f["name"] for f in verdict(ran)["findings"] if f["status"] == "fail"]
    assert failed == ["drift/all columns together"]
    other = drift(tmp_path / "log", "--train", str(green.root / "out/split/holdout.parquet"))
    assert other.status == 2
    assert "does not have the rows" in other.line
