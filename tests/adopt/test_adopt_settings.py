from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice import config
from sluice.adopt import settings, skeleton
from sluice.adopt.infer import Profile, infer

HOSTILE = [
    "plain",
    "with space",
    " leading and trailing ",
    "a.b.c",
    "Gr\u00f6\u00dfe \u00b5m",
    "\U0001f642 smile",
    "${x}",
    "{{ x }}",
    "%(x)s",
    "no",
    "Null",
    "true",
    "~",
    "123",
    "1e5",
    "0x10",
    "2026-01-01",
    "colon: here",
    "- dash",
    "# hash",
    "? question",
    "&anchor",
    "*alias",
    "!tag",
    "| pipe",
    "[list]",
    "{map}",
    'double "quote"',
    "single 'quote'",
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "next\x85line \u2028 and \ufeff mark",
    "o280/o315",
    "percent %",
    "<b>bold</b>",
    '"""',
    "x" * 200,
]


def profile(**columns: list[Any]) -> Profile:
    rows = 120
    number = np.linspace(-1.0, 2.5e-7, rows)
    frame = pd.DataFrame(dict.fromkeys(HOSTILE, number))
    for name, values in columns.items():
        frame[name] = [values[k % len(values)] for k in range(rows)]
    frame["y"] = ["yes", "no"] * (rows // 2)
    return infer(frame, "hostile", target="y", id_column=None, sensitive=list(columns))


def test_hostile_column_names_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(settings.text_of(profile(), "data/hostile.csv", None), "utf-8")
    loaded = config.load(path)
    assert list(loaded.columns) == [*HOSTILE, "y"]
    assert loaded.features == HOSTILE
    assert loaded.columns["y"].values == ["no", "yes"]
    assert loaded.data.positive == "yes"


def test_dvc_reads_the_same(tmp_path: Path) -> None:
    from dvc.utils.serialize import load_yaml

    path = tmp_path / "params.yaml"
    path.write_text(settings.text_of(profile(), "data/hostile.csv", None), "utf-8")
    assert load_yaml(path) == config.read_yaml(path)


@pytest.mark.parametrize(
    "value", [*HOSTILE, True, False, 0, -7, 10**18, 0.1, 1e-7, -2.5e300, 1e16, 12.0]
)
def test_a_value_comes_back_as_the_same_value_of_the_same_type(
    value: str | float, tmp_path: Path
) -> None:
    (tmp_path / "one.yaml").write_text(f"key: {settings.scalar(value)}\n", "utf-8")
    back = config.read_yaml(tmp_path / "one.yaml")["key"]
    assert back == value
    assert type(back) is type(value)


def test_sensitive_groups_come_back(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    found = profile(sex=["no", "yes: both"], age=list(range(20, 80)))
    path.write_text(settings.text_of(found, "data/hostile.csv", None), "utf-8")
    loaded = config.load(path)
    assert list(loaded.data.sensitive) == ["sex", "age"]
    assert loaded.columns["sex"].values == ["no", "yes: both"]
    assert loaded.accept == []


def test_without_a_sensitive_column_that_is_accepted_by_name(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(settings.text_of(profile(), "data/hostile.csv", None), "utf-8")
    (accepted,) = config.load(path).accept
    assert accepted.finding == "fairness/sensitive columns"
    assert "nobody named" in accepted.reason


def test_the_skeleton_is_python_whatever_the_names() -> None:
    text = skeleton.scenarios(profile(c=["a", "b"]))
    compile(text, "scenarios.py", "exec")
    examples = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    assert any("Edge(" in line for line in examples)


def test_the_datasheet_keeps_its_table_whatever_the_names() -> None:
    lines = skeleton.datasheet(profile(), "odd | name.csv").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == len(HOSTILE) + 3
    assert {row.count("|") for row in rows} == {7}
