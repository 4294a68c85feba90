"""Leaks and proxies of every form are found, and ordinary tables have no findings."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice.check import leakage
from sluice.check.combinations import association
from sluice.check.proxies import copies, proxies
from sluice.check.strength import outcome_of, strength
from sluice.check.suspicion import judge_suspicion
from sluice.config import Settings, validate
from sluice.stats.encoded import LIMIT, encoding
from sluice.verdict import Bound, Status
from support.fixture_project import params

ROWS = 600


def settings(task: str, columns: dict[str, str], sensitive: tuple[str, ...] = ()) -> Settings:
    """Settings for a table with these columns and the target y."""
    made = params(task)
    classes = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"]}.get(task)
    target: dict[str, Any] = {"type": "category", "values": classes} if classes else {}
    made["columns"] = {name: {"type": kind} for name, kind in columns.items()}
    made["columns"]["y"] = target or {"type": "number"}
    made["data"] |= {"target": "y", "id": None, "sensitive": {name: {} for name in sensitive}}
    made["selection"].pop("costs")
    made["quality"]["leakage"] = 0.95 if task == "regression" else 0.8
    return validate(made, "params.yaml")


def numbers(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"wage": np.exp(random.normal(3, 0.5, ROWS)), "noise": random.normal(size=ROWS)}


def found(task: str, frame: pd.DataFrame) -> set[frozenset[str]]:
    """The sets of columns that are called leaks."""
    kinds = {n: "number" if frame[n].dtype.kind == "f" else "category" for n in frame if n != "y"}
    known = settings(task, kinds)
    return {
        frozenset(each.columns) for each in leakage.measure(frame, known) if each.exceeds(known)
    }


random = np.random.default_rng(1)
WAGE = numbers()["wage"]
PART = random.gamma(2.0, 3.0, ROWS)
GAP = np.where(random.random(ROWS) < 0.2, np.nan, WAGE)


@pytest.mark.parametrize(
    "columns",
    [
        {"leak": np.log(WAGE)},
        {"leak": 1 / WAGE},
        {"leak": WAGE * np.exp(random.normal(0, 0.02, ROWS))},
        {"leak": np.abs(np.log(WAGE) - 3), "sign": np.log(WAGE) - 3},
        {"leak": GAP},
        {"leak": PART, "rest": WAGE - PART},
        {"leak": PART, "rest": WAGE / PART},
        {"leak": PART, "rest": WAGE * PART},
        {"one": PART, "two": random.permutation(PART), "three": np.zeros(ROWS)},
    ],
)
def test_a_leak_of_a_number_is_found(columns: dict[str, np.ndarray]) -> None:
    frame = pd.DataFrame({**columns, "noise": numbers(5)["noise"], "y": WAGE})
    if "three" in columns:
        frame["three"] = WAGE - frame["one"] - frame["two"]
    leaks = found("regression", frame)
    assert leaks
    assert not any("noise" in leak for leak in leaks)


Y = random.random(ROWS) < 0.3
WRONG = np.random.default_rng(2).random(ROWS) < 0.05


@pytest.mark.parametrize(
    "columns",
    [
        {"leak": np.where(Y, 9.5, 0.5)},
        {"leak": np.where(Y ^ (random.random(ROWS) < 0.02), 9.5, 0.5)},
        {"leak": np.where(Y, random.normal(size=ROWS), random.choice([-9.0, 9.0], ROWS))},
        {"leak": np.where(Y, random.normal(size=ROWS), np.nan)},
        {"leak": np.where(Y, "paid", random.choice(["open", "late", ""], ROWS)).astype(object)},
        {"leak": np.where(Y ^ WRONG, 1.0, 0.0)},
        {"leak": np.where(Y ^ WRONG, "paid", "open").astype(object)},
        {"one": PART, "two": PART + np.where(Y, 0.5, -0.5) * random.gamma(3.0, 1.0, ROWS)},
        {"one": np.where(Y & (PART > 5), np.nan, 1.5), "two": np.where(Y & (PART <= 5), np.nan, 2)},
    ],
)
def test_a_leak_of_a_class_is_found(columns: dict[str, np.ndarray]) -> None:
    frame = pd.DataFrame({**columns, "noise": numbers(5)["noise"], "y": np.where(Y, "yes", "no")})
    leaks = found("binary", frame)
    assert leaks
    assert not any("noise" in leak for leak in leaks)


def test_a_summand_is_found_beside_a_summand_that_leaks_alone() -> None:
    """Most rentals are by registered users, so the number of these rentals is nearly the target."""
    draw = np.random.default_rng(12)
    registered, casual = draw.gamma(3.0, 50.0, ROWS), draw.gamma(2.0, 6.0, ROWS)
    frame = pd.DataFrame({"registered": registered, "casual": casual, "noise": PART})
    frame["y"] = registered + casual
    leaks = found("regression", frame)
    assert leaks == {frozenset({"registered"}), frozenset({"registered", "casual"})}


def test_a_logarithm_that_was_adjusted_by_year_is_found() -> None:
    """The other columns are not called leaks, even if they are divided by zero in half the rows."""
    draw = np.random.default_rng(13)
    late, log = draw.integers(0, 2, ROWS).astype(float), draw.normal(3, 0.5, ROWS)
    frame = pd.DataFrame({"real": log, "late": late, "noise": PART, "y": np.exp(log + 0.4 * late)})
    assert found("regression", frame) == {frozenset({"real", "late"})}


def test_a_leak_of_several_classes_is_found() -> None:
    kind = random.integers(0, 3, ROWS)
    frame = pd.DataFrame({"leak": kind + random.random(ROWS), "noise": random.normal(size=ROWS)})
    frame["y"] = np.array(["a", "b", "c"])[kind]
    assert found("multiclass", frame) == {frozenset({"leak"})}


GROUP = np.random.default_rng(3).integers(0, 120, ROWS)


def mean_of_group(target: np.ndarray, digits: int) -> np.ndarray:
    return pd.Series(target.astype(float)).groupby(GROUP).transform("mean").round(digits).to_numpy()


@pytest.mark.parametrize(
    ("task", "leak", "y"),
    [
        ("binary", mean_of_group(Y, 9), np.where(Y, "yes", "no")),
        ("binary", 100 - mean_of_group(100 * Y, 0), np.where(Y, "yes", "no")),
        (
            "multiclass",
            mean_of_group(GROUP % 3 == Y, 4),
            np.array(["a", "c"])[1 * (GROUP % 3 == Y)],
        ),
        ("regression", mean_of_group(WAGE, 2), WAGE),
    ],
)
def test_a_mean_of_the_target_by_group_is_found(task: str, leak: np.ndarray, y: np.ndarray) -> None:
    frame = pd.DataFrame({"leak": leak, "noise": numbers(5)["noise"], "y": y})
    known = settings(task, {"leak": "number", "noise": "number"})
    leaks = [leak for leak in leakage.measure(frame, known) if leak.exceeds(known)]
    assert ("leak", "encoded") in [(leak.text, leak.bound) for leak in leaks]


def smoothed(target: np.ndarray, form: str) -> np.ndarray:
    """Means of the target by GROUP, in one of the forms that target encoders use."""
    y = pd.Series(target.astype(float))
    count = y.groupby(GROUP).transform("count")
    total, prior = y.groupby(GROUP).transform("sum"), y.mean()
    weight = 1 / (1 + np.exp(-(count - 5) / 2))
    return {
        "additive": (total + 10 * prior) / (count + 10),
        "rounded": ((total + 1) / (count + 2)).round(4),
        "logistic": prior + weight * (total / count - prior),
        "others": (total - y) / (count - 1),
        "others, smoothed": (total - y + 3 * prior) / (count + 2),
    }[form].to_numpy()


@pytest.mark.parametrize(
    ("form", "task", "keyed"),
    [
        ("additive", "binary", False),
        ("additive", "regression", False),
        ("rounded", "binary", False),
        ("logistic", "binary", True),
        ("logistic", "regression", False),
        ("others", "binary", True),
        ("others", "regression", True),
        ("others, smoothed", "regression", True),
    ],
)
def test_a_smoothed_mean_and_one_without_the_row_are_found(
    form: str, task: str, keyed: bool
) -> None:
    """keyed: whether the column by which the means were computed is an input too."""
    target = WAGE if task == "regression" else Y
    y = WAGE if task == "regression" else np.where(Y, "yes", "no")
    frame = pd.DataFrame({"leak": smoothed(target, form), "noise": numbers(5)["noise"], "y": y})
    frame["honest"] = smoothed(np.random.default_rng(8).random(ROWS) < 0.5, form)
    kinds = {"leak": "number", "noise": "number", "honest": "number"}
    if keyed:
        frame["shop"] = [f"shop {group}" for group in GROUP]
        kinds["shop"] = "category"
    known = settings(task, kinds)
    leaks = [leak for leak in leakage.measure(frame, known) if leak.exceeds(known)]
    assert [leak.columns for leak in leaks if leak.bound == "encoded"] == [("leak",)]
    assert not any("honest" in leak.columns for leak in leaks)


@pytest.mark.parametrize(("share", "of_others", "leaks"), [(0.4, 0.0, True), (0.4, 0.2, False)])
def test_a_value_that_almost_only_one_class_has_is_found(
    share: float, of_others: float, leaks: bool
) -> None:
    """An example is the number of a refund; most rows of the class need not have one."""
    draw = np.random.default_rng(7)
    has = draw.random(ROWS) < np.where(Y, share, of_others)
    frame = pd.DataFrame({"refund": np.where(has, draw.normal(size=ROWS), np.nan)})
    frame["noise"], frame["y"] = numbers(5)["noise"], np.where(Y, "yes", "no")
    known = settings("binary", {"refund": "number", "noise": "number"})
    found = {leak.bound for leak in leakage.measure(frame, known) if leak.exceeds(known)}
    assert found == ({"one_class"} if leaks else set())


def test_a_calibrated_score_and_a_mean_of_other_rows_are_no_leaks() -> None:
    """A score that an honest model computed is close to the means too, but not too close."""
    draw = np.random.default_rng(6)
    for _ in range(100):
        score = draw.choice(np.arange(1, 20) / 20, ROWS)
        y = draw.random(ROWS) < score
        group = draw.integers(0, 30, ROWS)
        earlier = np.bincount(group, draw.random(ROWS) < 0.3, 30) / np.bincount(group, minlength=30)
        outcomes = outcome_of(y.astype(int), 2)
        for honest in (score, 100 * score, earlier[group]):
            assert encoding(pd.Series(honest), outcomes, shares=True) < LIMIT
        number = 10 * score + draw.normal(size=ROWS)
        assert encoding(pd.Series(10 * score), number[:, None], shares=False) < LIMIT


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_ordinary_tables_are_not_called_leaks(task: str) -> None:
    """Of 20 tables with four legitimate columns each, one of them strong (R2 near 0.7), none has a
    leak.
    """
    for seed in range(20):
        draw = np.random.default_rng(100 + seed)
        x = draw.normal(size=(300, 4))
        pull = 1.5 * x[:, 0] + 0.5 * x[:, 1] + draw.normal(size=300)
        frame = pd.DataFrame({f"x{k}": x[:, k] for k in range(4)})
        frame["x3"] = frame["x3"].where(draw.random(300) > 0.1)
        if task == "regression":
            frame["y"] = np.exp(pull)
        else:
            classes = ["no", "yes"] if task == "binary" else ["a", "b", "c"]
            edges = [0.0] if task == "binary" else [-1.0, 1.0]
            frame["y"] = np.array(classes)[np.digitize(pull, edges)]
        assert found(task, frame) == set(), seed


@pytest.mark.parametrize("gaps", [False, True])
def test_a_search_that_is_limited_in_a_wide_table_says_so(gaps: bool) -> None:
    draw = np.random.default_rng(6)
    frame = pd.DataFrame(draw.normal(size=(ROWS, 43)), columns=[f"x{k}" for k in range(43)])
    if gaps:
        frame = frame.mask(draw.random(frame.shape) < 0.1)
    frame["y"] = draw.normal(size=ROWS)
    known = settings("regression", {f"x{k}": "number" for k in range(43)})
    said = {leak.bound: leak.limited for leak in leakage.measure(frame, known)}
    told = "only the 40 strongest of 43 such columns were tried together"
    assert said["combined_leakage"] == told
    if gaps:
        assert any(
            "40 most often missing of 43" in x.limited for x in leakage.measure(frame, known)
        )
    assert said["leakage"] == ""


def test_a_strength_is_near_zero_for_noise_and_one_for_a_copy() -> None:
    outcome = outcome_of(WAGE, 0)
    assert abs(strength(pd.Series(numbers(9)["noise"]), outcome)) < 0.3
    assert strength(pd.Series(-WAGE), outcome) == pytest.approx(1.0)
    same = outcome_of(np.zeros(ROWS, int), 2)
    assert np.isnan(strength(pd.Series(WAGE), same))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_rank_association_of_classes(classes: int) -> None:
    """The association is 1 if the classes do not overlap, in any order, and less if neighbours
    overlap.
    """
    truth = np.arange(300) % classes
    apart = truth * 10.0 + random.random(300)
    mixed = np.where(truth == 0, -9.0, random.random(300))
    assert association(np.array([apart, -apart]), truth, classes) == pytest.approx([1.0, 1.0])
    if classes == 3:
        assert association(mixed[None], truth, classes)[0] < 0.9


def test_a_copy_fails_and_a_suspect_can_be_accepted() -> None:
    bound = Bound("params.yaml: quality.leakage", high=0.8)

    def judged(value: float) -> Status:
        return judge_suspicion("x", value, bound, n=9, copy="it is", suspected="it may be").status

    assert [judged(v) for v in (0.8, 0.9, 1.0)] == [Status.PASS, Status.INSUFFICIENT, Status.FAIL]
    assert judged(float("nan")) is Status.INSUFFICIENT


def people(rows: int = 1200) -> pd.DataFrame:
    draw = np.random.default_rng(4)
    kind = draw.choice(["black", "hispan", "neither"], rows, p=[0.4, 0.2, 0.4])
    frame = pd.DataFrame({n: np.where(kind == n, "1", "0") for n in ("black", "hispan")})
    frame["white"] = (kind == "neither").astype(float)
    frame["copy"] = np.where(kind == "black", "b", "w")
    frame["age"] = draw.normal(40, 9, rows)
    frame["y"] = np.where(draw.random(rows) < 0.5, "yes", "no")
    return frame


def test_a_proxy_that_reveals_who_is_in_no_group_is_found() -> None:
    frame = people().astype({"black": object, "hispan": object})
    kinds = {"black": "category", "hispan": "category", "white": "number", "age": "number"}
    known = settings("binary", {**kinds, "copy": "category"}, ("black", "hispan"))
    assert {proxy.column for proxy in copies(frame, known)} == {"white", "copy"}
    by_name = {(p.sensitive, p.column is None): p for p in proxies(frame, known, known.features)}
    assert by_name["black", False].column == "copy"
    assert by_name["black & hispan", False].strength > 0.99
    assert by_name["hispan", True].strength > 0.99
    honest = [p for p in proxies(frame, known, ["age"]) if p.strength > 0.65]
    assert honest == []


def test_one_long_text_does_not_multiply_the_memory() -> None:
    """An array of texts in numpy would give each of the rows a megabyte."""
    column = pd.Series(["a", "b"] * 250 + ["long" * 100_000])
    outcome = outcome_of((column == "b").to_numpy(), 2)
    tracemalloc.start()
    try:
        assert strength(column, outcome) > 0.9
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("digits", [1, 3, 6])
@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_a_number_that_predicts_well_is_no_mean_of_the_target(unit: float, digits: int) -> None:
    """The values of such a number are close to the means of their rows, but do not equal them."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        yes = random.random(ROWS) < 0.4
        share = np.where(yes, random.uniform(0.55, 0.99, ROWS), random.uniform(0.01, 0.45, ROWS))
        column = pd.Series(share.round(digits) * unit)
        outcome = yes.astype(np.float64)
        certainty = encoding(column, np.column_stack([1 - outcome, outcome]), shares=True)
        assert not certainty > LIMIT
