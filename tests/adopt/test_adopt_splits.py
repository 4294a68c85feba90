"""Adopt tables whose rows belong together or follow each other in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from sluice import cli, config
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.date_columns import with_derived, with_remarks_on_derived
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.adopt.source import Source
from sluice.adopt.summary import summary
from sluice.check.run import run
from sluice.errors import SluiceError
from sluice.project import Project
from support.adoption import train_best

Adopt = Callable[..., list[str]]


def panel(customers: int = 120, months: int = 8, seed: int = 7) -> pd.DataFrame:
    """Each customer's label is a coin flip, repeated in each month: nothing can be learned."""
    random = np.random.default_rng(seed)
    known = pd.DataFrame(
        {
            "customer": [f"c{n:03d}" for n in range(customers)],
            "size": random.normal(50, 10, customers).round(2),
            "fee": random.normal(10, 2, customers).round(2),
            "outcome": random.choice(["stay", "leave"], customers),
        }
    )
    frame = known.loc[known.index.repeat(months)].reset_index(drop=True)
    frame["month"] = np.tile(np.arange(1, months + 1), customers)
    return frame.assign(noise=random.normal(size=len(frame)).round(3))


def trend(rows: int = 900) -> pd.DataFrame:
    """A table for a regression on one number, with a date in each row."""
    random = np.random.default_rng(3)
    days = pd.date_range("2022-01-01", periods=rows).strftime("%d %b %Y")
    x = random.normal(size=rows)
    noise = random.normal(size=rows) / 2
    return pd.DataFrame({"day": days, "x": x.round(4), "y": (x + noise).round(4)})


def build(root: Path, gate: str) -> Any:
    return run(train_best(root), gate)


@pytest.mark.heavy
def test_grouping_customers_prevents_memorising_their_labels(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    panel().to_csv(tmp_path / "panel.csv", index=False)
    said = adopted(tmp_path / "panel.csv", "outcome", group="customer")
    assert any("120 values of column 'customer' keep rows together" in line for line in said)
    settings = Project(project).settings
    assert settings.split.group == "customer"
    assert "customer" not in settings.features
    verdict = build(project, "performance")
    assert not verdict.passes
    found = {f.name: f for f in verdict.findings}
    area = found["performance/roc_auc"]
    assert area.estimate == pytest.approx(0.5, abs=0.2)
    assert "groups by 'customer')" in area.why
    assert found["performance/groups of rows"].estimate == pytest.approx(36, abs=15)


@pytest.mark.heavy
def test_a_split_by_time_trains_on_older_rows(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    trend().to_csv(tmp_path / "trend.csv", index=False)
    adopted(tmp_path / "trend.csv", "y", by_time="day")
    assert Project(project).settings.split.by_time == "day"
    assert build(project, "performance").passes
    train = pd.read_parquet(Project(project).split("train"))["day"]
    holdout = pd.read_parquet(Project(project).split("holdout"))["day"]
    assert pd.to_datetime(train).max() < pd.to_datetime(holdout).min()


def with_unsuitable_columns() -> pd.DataFrame:
    frame = panel()
    frame["noise"] = np.arange(len(frame)) * 1.5 + 0.25
    frame["note"] = ["first", *[None] * (len(frame) - 1)]
    frame["constant"], frame["quarter"] = "k", (frame["month"] - 1) // 3
    frame["when"] = [f"0{1 + n % 9}/02/24" for n in range(len(frame))]
    return frame


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"id_column": "customer"}, "use --group 'customer' instead of --id"),
        ({"id_column": "noise", "group": "noise"}, "'noise' is already named by --id"),
        ({"group": "outcome"}, "'outcome' is already named by --target"),
        ({"group": "nobody"}, "--group: there is no column 'nobody'"),
        ({"group": "noise"}, "if it identifies the row, use --id 'noise'"),
        ({"group": "note"}, "'note' is missing in 959 rows, but every row must belong"),
        ({"group": "constant"}, "is 'k' in every row, so all rows would be in one part"),
        ({"by_time": "customer"}, "has the value 'c000', which is no date"),
        ({"by_time": "note"}, "'note' is missing in 959 rows, but every row needs a time"),
        ({"by_time": "when"}, "has dates such as '01/02/24', and no value shows whether the day"),
        ({"by_time": "quarter"}, "only 3 different times, but at least 4 are needed"),
    ],
)
def test_a_column_that_does_not_suit_its_option(options: dict[str, str], why: str) -> None:
    with pytest.raises(SluiceError) as refusal:
        infer(
            Source(with_unsuitable_columns()),
            "panel",
            target="outcome",
            sensitive=[],
            **{"id_column": None, **options},
        )
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_id_that_repeats_leads_to_the_group(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    panel().to_csv(tmp_path / "panel.csv", index=False)
    monkeypatch.chdir(project)
    options = ["--target", "outcome", "--id", "customer"]
    assert cli.main(["adopt", str(tmp_path / "panel.csv"), *options]) == 2
    assert "use --group 'customer' instead of --id" in capsys.readouterr().err


def test_numbers_are_derived_from_dates_relative_to_the_latest_one() -> None:
    frame = pd.DataFrame(
        {
            "signed": ["Jan 31, 2024", "Feb 1, 2024", None],
            "born": pd.to_datetime(["1980-05-01", "2000-02-29", "1999-12-31"]),
            "plain": [1, 2, 3],
            "y": ["2024-01-01", "2024-01-02", "2024-01-03"],
        }
    )
    found = with_derived(Source(frame), frame, roles={"y"}, by_time="born")
    made, remarks = found.frame, found.remarks
    assert list(made.columns[4:]) == list(remarks)
    assert "born age in days" not in made
    assert made["signed month"].tolist() == [1, 2, pd.NA]
    assert made["signed weekday"].tolist() == [3, 4, pd.NA]
    assert made["signed age in days"].tolist() == [1, 0, pd.NA]
    assert made["born month"].tolist() == [5, 2, 12]
    assert "the days until 2024-02-01" in remarks["signed age in days"]
    adopted = Source(made.assign(plain=[3, 4, 5]))
    again = with_remarks_on_derived(adopted, adopted.frame)
    assert again.remarks == remarks
    assert again.derived == found.derived
    changed = made.assign(**{"signed weekday": [3, 5, None]})
    assert "signed weekday" not in with_remarks_on_derived(Source(changed), changed).derived
    with pytest.raises(SluiceError, match="already has a column 'signed month'"):
        with_derived(found, made, roles=set(), by_time=None)
    with pytest.raises(SluiceError, match="no column has dates"):
        with_derived(found, frame[["plain"]], roles=set(), by_time=None)


def test_derived_columns_are_inputs_and_say_what_they_mean(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    days = pd.date_range("2023-01-01", periods=600)[random.permutation(600)]
    y = days.month.to_numpy() + random.normal(size=600)
    pd.DataFrame({"signed": days.strftime("%Y-%m-%d"), "y": y.round(3)}).to_csv(
        tmp_path / "dates.csv", index=False
    )
    said = adopted(tmp_path / "dates.csv", "y", derive_dates=True)
    assert {"signed month", "signed weekday", "signed age in days"} == set(
        Project(project).settings.features
    )
    assert any("adopt again with --by-time 'signed'" in line for line in said)
    assert any("'signed age in days': derived from 'signed'" in line for line in said)
    assert "the days until 2024-08-22" in (project / "params.yaml").read_text()
    assert "the days until 2024-08-22" in (project / "docs/datasheet.md").read_text()


@pytest.mark.parametrize(("rows", "most"), [(3_000_000, None), (4_000_000, 2_000_000)])
def test_only_a_sample_of_very_many_training_rows_is_used(rows: int, most: int | None) -> None:
    profile = infer(Source(panel()), "p", target="outcome", id_column=None, sensitive=[])
    large = replace(profile, rows=rows)
    bounds = permissive_bounds(large)
    written = YAML(typ="safe").load(params_yaml(large, "data/p.parquet", bounds))
    assert config.validate(written, "params.yaml").split.train_rows == most
    said = "\n".join(summary(large, bounds, cleared=True))
    assert ("so 2,000,000 of them are used" in said) == (most is not None)
