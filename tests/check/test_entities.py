"""Rows of one customer, patient or household are noticed, and independent rows are not suspected.

In simulations of such tables, the repeated customers were noticed in all of 80 tables, and none of
48 tables of independent rows was suspected.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice import cli, config
from sluice.check import entities
from sluice.check.clusters import enough
from sluice.check.entities import Entities, findings, suspected
from sluice.config import Settings
from sluice.verdict import Status
from support.fixture_project import Toy, params
from support.fixture_project.build import OWN


def written(frame: pd.DataFrame, target: str = "y") -> dict[str, Any]:
    """A params.yaml for the table, with its first column as the only input."""
    made = params("regression" if frame[target].dtype.kind == "f" else "binary")
    made["columns"] = {
        name: {"type": "number", "use": "ignored"}
        if frame[name].dtype.kind in "if"
        else {"type": "category", "use": "ignored"}
        for name in frame.columns
    }
    made["columns"][next(n for n in frame.columns if n != target)] = {"type": "number"}
    made["data"] = {"file": "data/toy.csv", "target": target}
    if frame[target].dtype.kind != "f":
        made["columns"][target] = {"type": "category", "values": ["a", "b"]}
        made["data"]["positive"] = "b"
    made["fairness"] |= {"bounds": {}, "intersections": {}}
    return made


def settings_of(frame: pd.DataFrame) -> Settings:
    return config.validate(written(frame), "params.yaml")


def panel(seed: int, target: str, *, key: bool, month: bool, balanced: bool = True) -> pd.DataFrame:
    """Rows of 150 customers in random order; the target is a trait of the customer."""
    random, customers = np.random.default_rng(seed), 150
    born = pd.Timestamp("1950-01-01") + pd.to_timedelta(random.integers(0, 18_000, customers), "D")
    known = pd.DataFrame(
        {
            "fee": random.normal(10, 2, customers).round(2),
            "customer": [f"c{n}" for n in random.permutation(customers)],
            "born": born.strftime("%Y-%m-%d"),
            "sex": random.choice(["f", "m"], customers),
            "city": random.choice([f"town {n}" for n in range(30)], customers),
            "trait": random.normal(size=customers),
        }
    )
    times = np.full(customers, 8) if balanced else 1 + random.poisson(2.5, customers)
    frame = known.loc[known.index.repeat(times)].reset_index(drop=True)
    frame["month"] = np.concatenate([np.arange(1.0, 1 + n) for n in times])
    frame["visits"] = random.poisson(3, len(frame)).astype(float)
    trait = frame.pop("trait").to_numpy()
    if target == "class":
        frame["y"] = np.where(trait > 0, "a", "b")
    elif target == "number":
        frame["y"] = (trait * 3 + random.normal(size=len(frame))).round(3)
    else:
        frame["y"] = np.where(trait + 2 * random.normal(size=len(frame)) > 0, "a", "b")
    left_out = [name for name, kept in {"customer": key, "month": month}.items() if not kept]
    return frame.drop(columns=left_out).sample(frac=1, random_state=seed, ignore_index=True)


def independent(seed: int) -> pd.DataFrame:
    """Rows with rounded numbers, ages, and two place columns of which one determines the other."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(300, 3_000))
    score, town = random.normal(size=rows), random.integers(0, 40, rows)
    near = random.integers(0, 8, rows)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, rows).astype(float),
            "income": (np.exp(random.normal(10, 0.5, rows)) // 100 * 100),
            "town": [f"town {n}" for n in town],
            "zip": [f"{1000 + 10 * n + m}" for n, m in zip(town, near, strict=True)],
            "region": [f"region {n % 8}" for n in town],
            "score": score.round(1),
            "height": (170 + 8 * score + 4 * random.normal(size=rows)).round(),
            "amount": (score * 2 + random.normal(size=rows)).round(1),
        }
    )
    noise = random.normal(size=rows)
    if seed % 2:
        return frame.assign(y=np.where(score + frame["age"] / 40 + noise > 1.2, "a", "b"))
    return frame.assign(y=(frame["age"] * 10 + score * 30 + town * 9 + noise * 20).round(2))


def look(frame: pd.DataFrame) -> Entities | None:
    return suspected(frame, settings_of(frame))


@pytest.mark.parametrize("target", ["class", "number", "weak"])
@pytest.mark.parametrize("month", [True, False])
@pytest.mark.parametrize("key", [True, False])
def test_rows_of_one_customer_are_noticed(target: str, month: bool, key: bool) -> None:
    for seed, balanced in enumerate([True, False]):
        found = look(panel(seed, target, key=key, month=month, balanced=balanced))
        assert found is not None
        assert found.columns == (("customer",) if key else ("born",))


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (["visits", "customer", "month", "y"], "'month' hardly ever repeats"),
        (["visits", "customer", "y"], "mostly have the same 'y'"),
    ],
)
def test_a_key_is_noticed_without_any_trait_of_the_customer(
    columns: list[str], reason: str
) -> None:
    found = look(panel(3, "class", key=True, month=True)[columns])
    assert found is not None
    assert found.columns == ("customer",)
    assert reason in found.reason


def test_traits_that_identify_only_together_are_named() -> None:
    frame = panel(5, "class", key=False, month=False)
    frame["born"] = frame["born"].str[:4]
    blood = frame.pop("fee").round(0).map("{:g}".format)
    found = look(pd.DataFrame({"visits": frame.pop("visits"), "blood": blood, **frame}))
    assert found is not None
    assert "born" in found.columns
    assert len(found.columns) > 1


def test_independent_rows_are_not_suspected() -> None:
    assert [look(independent(seed)) for seed in range(16)] == [None] * 16


def test_a_smooth_effect_of_a_rounded_number_is_not_an_entity() -> None:
    random = np.random.default_rng(0)
    carat = (random.gamma(2, 0.4, 4_000) + 0.2).round(2)
    price = (4_000 * carat**1.5 + random.normal(size=4_000) * 50).round()
    assert look(pd.DataFrame({"carat": carat, "y": price})) is None


@pytest.mark.parametrize("states", [6, 18])
def test_the_countries_of_a_balanced_panel_are_named_and_not_its_years(states: int) -> None:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "gas": random.normal(size=states * 23).round(2),
            "year": np.tile(np.arange(1967.0, 1990), states),
            "state": np.repeat([f"state {n}" for n in range(states)], 23),
            "y": random.choice(["a", "b"], states * 23),
        }
    )
    found = look(frame)
    assert found is not None
    assert found.columns == ("state",)
    assert found.count == states
    assert "'year' hardly ever repeats" in found.reason


def test_a_number_that_is_computed_from_others_is_not_an_entity() -> None:
    """Loans with the same amount, term and rate have the same instalment, and the same debt."""
    random = np.random.default_rng(4)
    rows = 4_000
    amount, years = random.integers(2, 60, rows) * 500.0, random.choice([3, 5], rows)
    rate = random.choice([0.05, 0.08, 0.11, 0.16], rows)
    months, paid = years * 12, amount * random.choice([0.1, 0.25, 0.4], rows)
    frame = pd.DataFrame(
        {
            "paid": paid,
            "amount": amount,
            "debt": amount - paid,
            "term": months.astype(float),
            "rate": rate,
            "instalment": (amount * rate / 12 / (1 - (1 + rate / 12) ** -months)).round(2),
            "income": random.normal(50, 12, rows).round(1),
            "y": np.where(random.random(rows) < rate * 3, "b", "a"),
        }
    )
    assert look(frame) is None


def test_columns_that_are_computed_from_a_joint_key_are_no_sign_of_an_entity() -> None:
    """The years of experience and the age determine the years of schooling."""
    random, rows = np.random.default_rng(0), 700
    age, schooling = random.integers(23, 66, rows), random.choice(np.arange(8, 18), rows)
    experience = age - schooling - 6
    frame = pd.DataFrame({"experience": experience, "age": age}).astype(float)
    frame["hours"] = random.choice([0.0, 0.0, 0.0, 40.0], rows)
    frame["age squared"], frame["schooling"] = (age**2).astype(float), schooling.astype(float)
    frame["y"] = random.normal(size=rows)
    assert look(frame) is None


def incomes(seed: int, rows: int) -> tuple[np.random.Generator, pd.DataFrame]:
    random = np.random.default_rng(seed)
    return random, pd.DataFrame({"income": random.normal(50, 12, rows).round(1)})


def test_a_measurement_that_reveals_the_region_is_a_leak_and_not_an_entity() -> None:
    """Every county has its own fee, so the fee reveals the part of the country."""
    random, frame = incomes(1, 3_000)
    county = random.integers(0, 40, 3_000)
    fee = random.uniform(0.2, 1.5, 40).round(4)
    frame["fee"] = fee[county]
    west = random.permutation(40) < 18
    assert look(frame.assign(y=np.where(west[county], "a", "b"))) is None
    wage = random.uniform(6, 12, 40).round(2)
    assert look(frame.assign(y=wage[county])) is None


def test_a_number_that_reveals_the_month_is_a_leak_and_not_an_entity() -> None:
    random, frame = incomes(2, 3_000)
    month = random.integers(0, 36, 3_000)
    frame["ads"] = random.choice(np.arange(60.0, 300), 36, replace=False)[month]
    assert look(frame.assign(y=month.astype(float))) is None


def test_scores_of_the_same_answers_are_not_entities() -> None:
    """Weighted sums of a few answers repeat, and two of them determine each other."""
    random, frame = incomes(3, 1_000)
    answers = np.column_stack([random.poisson(1.2, (1_000, 3)), random.random((1_000, 3)) < 0.2])
    weights = random.normal(size=(6, 2))
    frame["one"] = (answers @ weights[:, 0]).round(3)
    assert look(frame.assign(y=(answers @ weights[:, 1]).round(3))) is None


def test_the_price_of_the_chosen_product_is_not_an_entity() -> None:
    """Shops have prices for three products; another column has the price of the sold one."""
    random, frame = incomes(4, 2_000)
    shop = random.integers(0, 36, 2_000)
    prices = random.uniform(1, 9, (36, 3)).round(4)
    prices[:, 0] = prices[random.integers(0, 4, 36), 0]  # four regions share the first price
    for k, product in enumerate(("bread", "milk", "eggs")):
        frame[product] = prices[shop, k]
    sold = random.integers(0, 3, 2_000)
    frame["price"] = prices[shop, sold]
    frame["kind"] = np.array(["bread", "milk", "eggs"])[sold]
    found = look(frame.assign(y=np.where(random.random(2_000) < 0.3, "b", "a")))
    assert found is None or "price" not in found.columns


def test_numbers_that_determine_the_target_are_not_an_entity() -> None:
    random, frame = incomes(5, 1_500)
    frame["age"] = random.integers(25, 65, 1_500).astype(float)
    schooling = random.choice([9, 10, 11, 12, 12, 12, 13, 14, 16], 1_500)
    frame["experience"] = frame["age"] - schooling - 6
    frame["sex"] = random.choice(["f", "m"], 1_500)
    frame["y"] = schooling.astype(float)
    made = written(frame)
    for name in ("age", "experience"):
        made["columns"][name]["type"] = "integer"
    assert suspected(frame, config.validate(made, "params.yaml")) is None


def test_a_fee_that_is_nearly_unique_to_a_customer_identifies_the_customer() -> None:
    """A number with decimals is also suspected, unless it is caught as a leak."""
    random, customers = np.random.default_rng(6), 900
    who = np.repeat(np.arange(customers), 5)
    fee = random.permutation(np.arange(customers) / 10 + 0.05)
    frame = pd.DataFrame({"visits": random.poisson(3, len(who)).astype(float), "fee": fee[who]})
    found = look(frame.assign(y=np.where(random.random(customers)[who] < 0.5, "a", "b")))
    assert found is not None
    assert found.columns == ("fee",)


def test_fully_equal_rows_are_judged_by_the_bound_on_duplicates() -> None:
    frame = independent(1)
    assert look(pd.concat([frame, frame, frame])) is None


def test_a_setting_in_params_yaml_ends_the_suspicion() -> None:
    frame = panel(1, "class", key=True, month=True)
    settings = settings_of(frame)
    (finding,) = findings(frame, settings)
    assert finding.status is Status.INSUFFICIENT
    assert finding.name == "data-quality/repeated entities"
    assert "set split.group in params.yaml to 'customer', or to 'none'" in finding.why
    assert "run 'sluice adopt --again'" in finding.why
    columns = dict(settings.columns)
    columns["customer"] = columns["customer"].model_copy(update={"missing": 0.02})
    (finding,) = findings(frame, settings.model_copy(update={"columns": columns}))
    assert "'customer' (and columns.customer.missing to 0), or to 'none'" in finding.why
    for answer in ("customer", "none"):
        split = settings.split.model_copy(update={"group": answer})
        assert findings(frame, settings.model_copy(update={"split": split})) == []


def test_too_few_groups_in_the_holdout_are_too_little_evidence() -> None:
    settings = settings_of(panel(1, "class", key=True, month=True))
    split = settings.split.model_copy(update={"group": "customer"})
    grouped = settings.model_copy(update={"split": split})
    (few,) = enough("performance", np.arange(40) % 8, grouped)
    assert few.status is Status.INSUFFICIENT
    assert "8 distinct values of 'customer' in the holdout, at least 20 are needed" in few.why
    assert "about 12 more values in the holdout" in few.why
    (many,) = enough("performance", np.arange(40) % 20, grouped)
    assert many.status is Status.PASS


def test_the_data_quality_gate_refuses_until_someone_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, toy = panel(2, "class", key=True, month=True), Toy(tmp_path)
    shutil.copytree(OWN / "src/usecase", tmp_path / "src/usecase")
    monkeypatch.chdir(tmp_path)
    settings = written(frame)
    toy.write_data(frame)
    toy.write_params(settings)
    assert cli.main(["check", "data-quality"]) == 1
    asked = toy.findings("data-quality")["data-quality/repeated entities"]
    assert asked["status"] == "insufficient"
    assert "'customer'" in asked["why"]
    settings["split"]["group"] = "customer"
    toy.write_params(settings)
    cli.main(["check", "data-quality"])
    assert "data-quality/repeated entities" not in toy.findings("data-quality")


def test_a_column_that_reveals_the_target_is_not_part_of_an_entity() -> None:
    """A cause of death is known only for the dead, so it reveals the target in any combination."""
    random = np.random.default_rng(1)
    dead = random.random(2_000) < 0.3
    frame = pd.DataFrame(
        {
            "days": random.integers(1, 99, 2_000).astype(float),
            "cause": np.where(dead, random.choice(["heart", "lung", "liver"], 2_000), ""),
            "y": np.where(dead, "a", "b"),
        }
    )
    codes = {name: pd.factorize(frame[name])[0] for name in frame}
    found = entities.Table(codes, codes, frame, settings_of(frame))
    assert found.judge(("days", "cause")) is None
