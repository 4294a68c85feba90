"""The files that `sluice adopt` writes are valid for all names and values in the table."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml as pyyaml

from sluice import config, files
from sluice.adopt import usecase_files
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.datasheet import datasheet
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile import TableProfile
from sluice.adopt.profile.infer import infer
from sluice.adopt.render import yaml
from sluice.adopt.source import Source

ROOT = Path(__file__).parents[2]

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
    "next line \u2028 and \ufeff mark",
    "o280/o315",
    "percent %",
    "<b>bold</b>",
    '"""',
    "x" * 200,
]


def profile(**columns: list[Any]) -> TableProfile:
    rows = 120
    number = np.linspace(-1.0, 2.5e-7, rows)
    frame = pd.DataFrame(dict.fromkeys(HOSTILE, number))
    for name, values in columns.items():
        frame[name] = [values[k % len(values)] for k in range(rows)]
    frame["y"] = ["yes", "no"] * (rows // 2)
    return infer(Source(frame), "hostile", target="y", id_column=None, sensitive=list(columns))


def written(found: TableProfile) -> str:
    return params_yaml(found, "data/table.csv", permissive_bounds(found))


def test_unusual_column_names_are_read_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(written(profile()), "utf-8")
    loaded = config.load(path)
    assert list(loaded.columns) == sorted([*HOSTILE, "y"])
    assert loaded.features == sorted(HOSTILE)
    assert loaded.columns["y"].values == ["no", "yes"]
    assert loaded.data.positive == "yes"


def test_dvc_reads_the_same_params(tmp_path: Path) -> None:
    from dvc.utils.serialize import load_yaml

    path = tmp_path / "params.yaml"
    path.write_text(written(profile()), "utf-8")
    assert load_yaml(path) == files.read_yaml(path)


@pytest.mark.parametrize(
    "value", [*HOSTILE, True, False, 0, -7, 10**18, 0.1, 1e-7, -2.5e300, 1e16, 12.0]
)
def test_a_value_is_read_back_with_the_same_type(value: str | float, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(f"key: {yaml(value)}\n", "utf-8")
    back = files.read_yaml(tmp_path / "one.yaml")["key"]
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [*HOSTILE, True, False, -7, 0.1, 1e-7, -2.5e300, 1e16])
def test_readers_of_yaml_1_1_read_the_same_value(value: str | float) -> None:
    assert pyyaml.safe_load(f"key: {yaml(value)}") == {"key": value}


def test_sensitive_groups_are_read_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    found = profile(sex=["no", "yes: both"], age=list(range(20, 80)))
    path.write_text(written(found), "utf-8")
    loaded = config.load(path)
    assert list(loaded.data.sensitive) == ["age", "sex"]
    assert loaded.columns["sex"].values == ["no", "yes: both"]
    assert loaded.accept == []


def test_a_table_without_sensitive_columns_accepts_that_finding(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(written(profile()), "utf-8")
    (accepted,) = config.load(path).accept
    assert accepted.finding == "fairness/sensitive columns"
    assert "no sensitive column was named" in accepted.reason


def test_the_scenarios_are_python_whatever_the_names() -> None:
    text = usecase_files.scenarios(profile(c=["a", "b"]))
    compile(text, "scenarios.py", "exec")
    examples = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    assert any("Edge(" in line for line in examples)


LONG = "how much is paid each month, all accounts"
WIDE = {"\u0446\u0435\u043d\u0430 \u2013 \u00d7": [0.5, 1.5, 2.5], LONG: [1.5, 2.5, 3.5]}
WORDS = ["a word that stands for a great deal of what people answer " * 4, "x\u2019s"]


@pytest.mark.parametrize(
    ("goal", "short"),
    [
        (["yes", "no"], {"n": [0.5, 1.5, 2.5], "c": ["a", "b"]}),
        (["yes", "no"], {}),
        (["a-class-of-a-name-that-is-longer-than-one-line-" * 3, "b", "c"], {"n": [0.5, 1.5]}),
        ([k / 7 for k in range(60)], {"c": ["a", "b"]}),
    ],
)
def test_the_written_files_pass_the_linters(
    goal: list[Any], short: dict[str, list[Any]], tmp_path: Path
) -> None:
    columns = {**WIDE, LONG + " kind": WORDS, **short, "y": goal}
    frame = pd.DataFrame({n: [v[k % len(v)] for k in range(120)] for n, v in columns.items()})
    found = infer(Source(frame), "long", target="y", id_column=None, sensitive=[])
    written_files = {
        "src/sluice/config.py": "",  # makes ruff treat sluice as the project's own code
        "src/sluice/scenario.py": "",
        "params.yaml": written(found),
        "src/usecase/scenarios.py": usecase_files.scenarios(found),
        "src/usecase/expectations.py": usecase_files.expectations(),
        "tests/usecase/test_usecase.py": usecase_files.usecase_test(),
    }
    for name in ("pyproject.toml", ".yamllint"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name, text in written_files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    checks = ["ruff check src tests", "ruff format --check src tests", "yamllint --strict ."]
    for check in checks:
        done = subprocess.run(
            [sys.executable, "-m", *check.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert ("Edge(name='n: " in written_files["src/usecase/scenarios.py"]) is ("n" in short)


def test_the_table_of_the_datasheet_is_intact_whatever_the_names() -> None:
    lines = datasheet(profile(), "odd | name.csv").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == len(HOSTILE) + 3
    assert {row.count("|") for row in rows} == {7}
