"""New rows of the same kind pass the bounds that were derived without them; a shift does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice import table
from sluice.adopt import source
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.bounds.quality import duplicates_bound
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.check.expectations import Asked, ask, of_column
from sluice.check.prepared import prepare
from sluice.project import Project
from sluice.verdict import Finding

ROWS, ADOPTED = 400, 320


def draw(seed: int) -> pd.DataFrame:
    """Rows with a long tail, rare categories, whole numbers and a rarely missing value."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, ROWS).astype(float)
    age[random.integers(0, ROWS)] += 0.5
    frame = pd.DataFrame(
        {
            "age": age,
            "income": np.exp(random.normal(8, 1.2, ROWS)).round(2),
            "height": random.normal(170, 9, ROWS).round(1),
            "city": random.choice(list("abcdefgh"), ROWS, p=[0.5, 0.3, 0.1, 0.08, *[0.005] * 4]),
            "visits": random.poisson(2, ROWS),
            "y": random.choice(["no", "yes"], ROWS),
        }
    )
    frame.loc[random.random(ROWS) < 0.002, "height"] = np.nan
    return frame


def adopted(root: Path, frame: pd.DataFrame) -> Project:
    """A project whose params.yaml was derived from these rows."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    frame.to_csv(root / "adopted.csv", index=False)
    found = source.read(root / "adopted.csv")
    profile = infer(found, "rows", target="y", id_column=None, sensitive=[])
    text = params_yaml(profile, "data/rows.csv", permissive_bounds(profile))
    (root / "params.yaml").write_text(text, "utf-8")
    return Project(root)


def expected(project: Project, frame: pd.DataFrame) -> list[Asked]:
    names = project.settings.columns
    return [asked for name in names for asked in of_column(project, frame[name])]


def failed(project: Project, frame: pd.DataFrame) -> list[Finding]:
    frame.to_csv(project.data, index=False)
    settings = project.settings
    made = prepare(table.read_raw(project.data, settings.columns), settings)
    return [f for f in ask(made, expected(project, made), None) if not f.passes]


@pytest.mark.heavy
def test_new_rows_of_the_same_kind_pass_in_19_of_20_draws(tmp_path: Path) -> None:
    refused = {}
    for seed in range(20):
        frame = draw(seed)
        project = adopted(tmp_path / str(seed), frame.iloc[:ADOPTED])
        if found := failed(project, frame):
            refused[seed] = [f"{finding.name}: {finding.why}" for finding in found]
    assert len(refused) <= 1, refused


def of_few_values(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    values = {name: random.integers(0, most, 189) for name, most in (("a", 40), ("b", 36))}
    return pd.DataFrame({**values, "y": random.choice(["no", "yes"], 189)})


def test_new_rows_may_repeat_others_by_chance_but_not_by_being_copies(tmp_path: Path) -> None:
    settings, refused = adopted(tmp_path, of_few_values(0)).settings, 0
    for seed in range(20):
        frame = of_few_values(seed)
        few = frame.iloc[:151]
        bound = duplicates_bound(few, settings)
        refused += float(frame.duplicated().mean()) > bound
        assert pd.concat([few, few.iloc[:20]]).duplicated().mean() > bound
    assert refused == 0


def scaled(frame: pd.DataFrame) -> None:
    frame["height"] *= 1000


def out_of_range(frame: pd.DataFrame) -> None:
    frame.loc[: ROWS // 20, "age"] = 999


def suddenly_missing(frame: pd.DataFrame) -> None:
    frame.loc[: ROWS * 3 // 10, "height"] = np.nan


def swapped(frame: pd.DataFrame) -> None:
    frame["height"], frame["visits"] = frame["visits"].copy(), frame["height"].copy()


def new_categories(frame: pd.DataFrame) -> None:
    frame.loc[: ROWS // 20, "city"] = "elsewhere"


def decimals(frame: pd.DataFrame) -> None:
    frame["visits"] = frame["visits"] + 0.5


def infinite(frame: pd.DataFrame) -> None:
    frame.loc[0, "height"] = np.inf


@pytest.mark.parametrize(
    ("shift", "finding"),
    [
        (scaled, "height/range"),
        (out_of_range, "age/range"),
        (suddenly_missing, "height/missing"),
        (swapped, "height/range"),
        (new_categories, "city/values"),
        (decimals, "visits/type"),
        (infinite, "height/finite"),
    ],
)
def test_a_shift_is_refused(
    shift: Callable[[pd.DataFrame], None], finding: str, tmp_path: Path
) -> None:
    frame = draw(0)
    project = adopted(tmp_path, frame)
    assert failed(project, frame) == []
    frame = frame.astype({"visits": float})
    shift(frame)
    assert f"data-quality/{finding}" in [found.name for found in failed(project, frame)]


def test_findings_that_pass_also_name_rows_with_unexpected_values(tmp_path: Path) -> None:
    frame = draw(1)
    project = adopted(tmp_path, frame)
    frame.loc[[6, 80], "height"] = 999.0
    frame.to_csv(project.data, index=False)
    made = prepare(table.read_raw(project.data, project.settings.columns), project.settings)
    findings = {f.name: f for f in ask(made, expected(project, made), None)}
    found = findings["data-quality/height/range"]
    assert found.passes
    assert "such as 999.0 (rows 7, 81); 1 % may" in found.why
    assert found.bound is not None
    assert found.bound.source == "params.yaml: columns.height, derived from the data"
