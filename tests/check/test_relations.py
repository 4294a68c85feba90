"""Columns that reveal the target only beside another column are found; honest pairs are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice.check import leakage
from sluice.config import Settings, validate
from support.command_line import InProcess
from support.fixture_project import Toy, params
from support.refusal import gate_refuses

ROWS = 1_200
Q = "data-quality/"
DRAW = np.random.default_rng(21)
GAP = DRAW.gamma(3.0, 1.0, ROWS)
BASE = DRAW.normal(50, 10, ROWS)
SHOP = np.array([f"shop {k}" for k in DRAW.integers(0, 12, ROWS)])
LEVEL = pd.Series(SHOP).factorize()[0]
PRICE = np.exp(DRAW.normal(3, 0.5, ROWS)) * (1 + LEVEL)
YES = DRAW.random(ROWS) < 0.3
CLASSES = {"binary": ["no", "yes"], "multiclass": ["bus", "car", "rail"], "regression": []}


def settings(task: str, frame: pd.DataFrame) -> Settings:
    made = params(task)
    kinds = {n: "number" if frame[n].dtype.kind == "f" else "category" for n in frame}
    target: dict[str, Any] = {"type": "number"}
    if classes := CLASSES[task]:
        target = {"type": "category", "values": classes}
    made["columns"] = {name: {"type": kind} for name, kind in kinds.items()} | {"y": target}
    made["data"] |= {"target": "y", "id": None, "sensitive": {}}
    made["selection"].pop("costs")
    made["quality"]["leakage"] = 0.8 if classes else 0.95
    return validate(made, "params.yaml")


def found(task: str, frame: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """The columns of each leak, by what was tried."""
    known = settings(task, frame)
    return {
        each.text: each.columns for each in leakage.measure(frame, known) if each.exceeds(known)
    }


def with_noise(**columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({**columns, "noise": DRAW.normal(size=ROWS)})


def by_shop(values: np.ndarray) -> Any:
    return pd.Series(values).groupby(SHOP)


@pytest.mark.parametrize(
    "leak",
    [
        by_shop(PRICE).rank().to_numpy(),
        (PRICE / by_shop(PRICE).transform("mean")).round(3).to_numpy(),
        (PRICE - by_shop(PRICE).transform("median")).to_numpy(),
    ],
)
def test_a_number_that_was_computed_within_each_shop_is_found(leak: np.ndarray) -> None:
    frame = with_noise(leak=leak).assign(shop=SHOP, y=PRICE)
    assert found("regression", frame) == {"leak within shop": ("leak",)}


def test_a_threshold_that_differs_by_shop_is_found() -> None:
    late = 1.5 * LEVEL + np.where(YES, 1, -1) * GAP
    frame = with_noise(late=late).assign(shop=SHOP, y=np.where(YES, "yes", "no"))
    assert found("binary", frame) == {"late within shop": ("late",)}


@pytest.mark.parametrize("errors", [0.0, 0.015])
def test_two_categories_that_give_away_the_class_together_are_found(errors: float) -> None:
    one = DRAW.random(ROWS) < 0.5
    other = one ^ YES ^ (DRAW.random(ROWS) < errors)
    frame = with_noise().assign(
        one=np.where(one, "on", "off"), other=np.where(other, "hot", "cold"), shop=SHOP
    )
    assert found("binary", frame.assign(y=np.where(YES, "yes", "no"))) == {
        "one with other": ("one", "other")
    }


def test_a_difference_that_gives_away_the_class_with_errors_is_found() -> None:
    """Such as the cigarettes before and after, of which none are left if somebody stopped."""
    wrong = DRAW.random(ROWS) < 0.01
    after = BASE + np.where(YES ^ wrong, 1, -1) * GAP
    frame = with_noise(before=BASE, after=after).assign(y=np.where(YES, "yes", "no"))
    assert [set(columns) for columns in found("binary", frame).values()] == [{"before", "after"}]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("text", [False, True])
def test_the_value_of_the_chosen_column_is_found_and_the_others_are_not(
    task: str, text: bool
) -> None:
    """The cheapest is chosen in most rows, and two of the prices are often equal."""
    classes = CLASSES[task]
    offers = DRAW.integers(1, 40, (ROWS, len(classes))) / 2
    offers[:, 1] = np.where(DRAW.random(ROWS) < 0.4, offers[:, 0], offers[:, 1])
    which = offers.argmin(axis=1)
    which = np.where(DRAW.random(ROWS) < 0.5, DRAW.integers(0, len(classes), ROWS), which)
    columns = {name: offers[:, k] for k, name in enumerate(classes)}
    columns["paid"] = offers[np.arange(ROWS), which]
    frame = with_noise(**columns)
    if text:
        frame[list(columns)] = frame[list(columns)].map(lambda price: f"offer {price}")
    assert found(task, frame.assign(y=np.array(classes)[which])) == {"paid": ("paid",)}


@pytest.mark.parametrize("task", list(CLASSES))
def test_honest_columns_are_not_called_leaks(task: str) -> None:
    """None of 10 tables with categories, a copy with errors, and prices of which one is lowest."""
    for seed in range(10):
        draw = np.random.default_rng(seed)
        prices = draw.integers(1, 40, (400, 3)) / 2
        copy = np.where(draw.random(400) < 0.05, draw.integers(1, 40, 400) / 2, prices[:, 0])
        frame = pd.DataFrame(prices, columns=["bus price", "car price", "rail price"])
        frame["lowest"], frame["copy"] = prices.min(axis=1), copy
        frame["shop"] = [f"shop {k}" for k in draw.integers(0, 9, 400)]
        frame["kind"] = draw.choice(["a", "b", "c"], 400)
        pull = 0.3 * prices[:, 0] + 2 * (frame["kind"] == "a") + draw.normal(size=400)
        classes = np.array(CLASSES[task])
        frame["y"] = pull
        if len(classes):
            edges = np.quantile(pull, np.linspace(0, 1, len(classes) + 1)[1:-1])
            frame["y"] = classes[np.digitize(pull, edges)]
        assert not found(task, frame), seed


def test_the_gate_names_such_columns(toy: Toy, in_process: InProcess) -> None:
    draw, data = np.random.default_rng(3), toy.data()
    late = (data["late"] == "yes").to_numpy()
    wrong = draw.random(len(data)) < 0.003
    first, second = draw.integers(100, 900, (2, len(data))) / 100
    data["weight"], data["waste"] = first.astype(str), second.astype(str)
    data["slope"] = np.where(late, first, second).astype(str)
    toy.write_data(data)
    ran = in_process(toy, "check", "data-quality")
    kilograms = {Q + "usecase/weights are in kilograms": ("fail", "found 4|found 5")}
    why = (
        "'slope' is that of 'waste' for 'no', that of 'weight' for 'yes', so it says what the "
        "target chose; set 'use: ignored' for 'slope'"
    )
    chosen = {Q + "slope/value of the chosen column": ("insufficient", why)}
    copies = {Q + "near duplicates": ("insufficient", "so many rows repeat another one")}
    gate_refuses(toy, ran, "data-quality", {**kilograms, **chosen, **copies})

    data["slope"] = (-first / 100).astype(str)
    data["waste"] = (first + np.where(late ^ wrong, 1, -1) * draw.gamma(3, 1, len(data))).astype(
        str
    )
    toy.write_data(data)
    ran = in_process(toy, "check", "data-quality")
    (pair,) = (name for name in toy.findings("data-quality") if name.endswith("leakage of two"))
    why = "at most 0.95: .* explains so much of the target that it may be a leak; set"
    gate_refuses(toy, ran, "data-quality", {**kilograms, pair: ("insufficient", why)})
