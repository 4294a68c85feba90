"""The task, roles, types and ranges that are inferred from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice.adopt.bounds import DerivedBounds, Estimate
from sluice.adopt.hyperparameters import costs
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile import ColumnProfile, TableProfile
from sluice.adopt.profile.infer import infer, project_name
from sluice.adopt.source import Source
from sluice.adopt.summary import summary
from sluice.errors import SluiceError
from sluice.files import parse_yaml

ROWS = 120


def table(**columns: Any) -> pd.DataFrame:
    """A table of ROWS rows whose columns repeat the given values; `x` is an ordinary number."""
    made = {"x": list(np.linspace(0.5, 9.5, ROWS))}
    for name, values in columns.items():
        made[name] = [values[k % len(values)] for k in range(ROWS)]
    frame = pd.DataFrame(made)
    whole = [name for name in frame if pd.api.types.is_integer_dtype(frame[name])]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def profile(frame: pd.DataFrame, target: str = "y", **options: Any) -> TableProfile:
    options = {"id_column": None, "sensitive": [], **options}
    return infer(Source(frame), "table", target=target, **options)


def column(frame: pd.DataFrame, name: str, **options: Any) -> ColumnProfile:
    return next(c for c in profile(frame, **options).columns if c.name == name)


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (["yes", "no", "no"], "binary", "yes"),
        (["no", "yes"], "binary", "yes"),
        ([True, False, True], "binary", False),
        ([0, 1, 0], "binary", 1),
        ([1.0, 2.0, 1.0], "binary", 2),
        (["a", "b", "c"], "multiclass", None),
        ([1, 2, 3, 4, 5], "multiclass", None),
        (list(range(20)), "multiclass", None),
        (list(range(21)), "regression", None),
        ([0.5, 1.5, 2.5], "regression", None),
    ],
)
def test_the_task_follows_from_the_target(values: list[Any], task: str, positive: object) -> None:
    found = profile(table(y=values))
    assert (found.task, found.positive) == (task, positive)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["same"], "is 'same' in every row"),
        ([None], "is missing in every row"),
        (["a", "b", None], "is missing in 40 of 120 rows"),
        ([f"text {k}" for k in range(60)], "has 60 different texts"),
        ([f"2026-01-{k:02d}" for k in range(1, 29)], "is a date"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(values: list[Any], reason: str) -> None:
    with pytest.raises(SluiceError, match=reason):
        profile(table(y=values))


@pytest.mark.parametrize(
    ("values", "kind", "use", "remark"),
    [
        ([1, 2, 3], "integer", "feature", ""),
        ([1.5, 2.5, None], "number", "feature", ""),
        (["a", "b", None], "category", "feature", ""),
        ([True, False], "category", "feature", ""),
        (["007", "042"], "category", "feature", ""),
        (["2026-01-01", "2026-02-01"], "text", "ignored", "a date"),
        (["01.02.2026 10:30", "28.02.2026 11:00"], "text", "ignored", "a date"),
        (["2026-01-01T10:00:00Z", "2026-02-01T10:00:00+01:00"], "text", "ignored", "a date"),
        (
            ["Jan-24", "Feb-24"],
            "text",
            "ignored",
            "a date, which cannot be a model input without conversion",
        ),
        (["01/01/2024 09:05 AM", "01/31/2024 1:00 pm"], "text", "ignored", "written month first"),
        (["01/02/24", "03/04/24"], "text", "ignored", "no value shows whether '01/02/24' is writ"),
        (["2024Q1", "2024Q2"], "text", "ignored", "--derive-dates"),
        ([20240101, 20240131, 20240229], "integer", "ignored", "a date"),
        (["21:30", "09:30"], "category", "feature", "it has times of day"),
        ([pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01")], "text", "ignored", "a date"),
        ([pd.Timedelta(1, "h"), pd.Timedelta(2, "h")], "text", "ignored", "it is a duration"),
        ([7], "integer", "ignored", "the same value"),
        (["x", None], "text", "ignored", "the same value"),
        ([None], "text", "ignored", "no value"),
        ([f"word {k}" for k in range(ROWS)], "text", "ignored", "different in every row"),
        ([f"word {k}" for k in range(90)], "text", "ignored", "90 different texts"),
        ([*map(str, range(60)), "?"], "text", "ignored", "words such as '?'"),
    ],
)
def test_a_column_has_a_type_and_a_use(values: list[Any], kind: str, use: str, remark: str) -> None:
    found = column(table(c=values, y=["yes", "no"]), "c")
    assert (found.type, found.use) == (kind, use)
    assert found.remark.startswith(remark) if use == "feature" else remark in found.remark


@pytest.mark.parametrize(
    ("name", "ignored"), [("customer id", True), ("orderKey", True), ("width", False)]
)
def test_numbers_that_only_identify_the_row_are_ignored(name: str, ignored: bool) -> None:
    frame = table(y=["yes", "no"])
    frame[name] = pd.array([k**3 for k in range(ROWS)], dtype="Int64")
    found = column(frame, name)
    assert (found.use == "ignored") is ignored
    assert ("--id" in found.remark) is ignored


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0, 100], 0, 110),
        ([5, 105], 0, 115),
        ([-100, 100], -120, 120),
        ([-100, -1], -110, 0),
        ([0.0, 1.05], 0.0, 1.16),
        ([1e-6, 3.5e-6], 7.5e-7, 3.75e-6),
    ],
)
def test_ranges_are_a_tenth_wider_but_do_not_cross_zero(
    values: list[Any], low: float, high: float
) -> None:
    found = column(table(c=values, y=["yes", "no"]), "c")
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.low <= min(values) <= max(values) <= found.high


def test_more_missing_values_than_observed_are_allowed() -> None:
    frame = table(none=[1, 2], some=[1.5, 2.5, 3.5, None], y=["yes", "no"])
    assert column(frame, "none").missing == 0.031
    assert column(frame, "some").missing == 0.385


def test_an_id_must_identify_each_row() -> None:
    frame = table(y=["yes", "no"], half=list(range(60)), gap=[1, None])
    frame["key"] = [f"k{k}" for k in range(ROWS)]
    frame["long"] = pd.array([2**60 + k for k in range(ROWS)], dtype="Int64")
    assert column(frame, "key", id_column="key").type == "text"
    assert column(frame, "long", id_column="long").type == "text"
    with pytest.raises(SluiceError, match="60 values of column 'half' repeat"):
        profile(frame, id_column="half")
    with pytest.raises(SluiceError, match="'gap' is missing in 60 rows"):
        profile(frame, id_column="gap")


def test_sensitive_columns_become_groups_or_bands() -> None:
    frame = table(
        y=["yes", "no"],
        sex=["f", "m"],
        age=list(range(20, 80)),
        grade=[1, 2, 3],
        rare=["a"] * 90 + ["b"] * 20 + ["c"] * 6 + ["d"] * 4,
    )
    found = profile(frame, sensitive=["sex", "age", "grade", "rare"])
    assert found.sensitive["sex"].groups is None
    assert found.sensitive["age"].bands == [40.0, 59.0]
    assert column(frame, "grade", sensitive=["grade"]).type == "category"
    assert found.sensitive["rare"].groups == {"a": ["a"], "all others": ["b", "c", "d"]}
    assert [f.name for f in found.features] == ["x"]


def test_a_value_with_enough_rows_is_a_group_of_its_own() -> None:
    """In a table of 1,000 rows, 310 women were once merged into the group of all others."""
    rows = 1000
    sex = ["m"] * 683 + ["f"] * 310 + ["x"] * 4 + ["y"] * 3
    frame = pd.DataFrame({"sex": sex, "x": np.linspace(0.5, 9.5, rows), "y": ["yes", "no"] * 500})
    frame["other"] = np.array(["a", "b", "c", "d"] * 250)
    found = profile(frame, sensitive=["sex", "other"]).sensitive
    assert found["sex"].groups == {"f": ["f"], "m": ["m"], "all others": ["x", "y"]}
    assert found["other"].groups is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"target": "Y"}, "no column 'Y'; did you mean 'y'\\? It differs only in upper and lower"),
        ({"target": "y "}, "no column 'y '; did you mean 'y'\\? It differs only in spaces"),
        ({"id_column": "born\u200b"}, "did you mean 'born'\\? It differs only by an invisible"),
        ({"sensitive": ["nane"]}, "no column 'nane'; did you mean 'name'\\?"),
        ({"target": "z"}, "no column 'z'; expected one of 'x', 'y'"),
        ({"id_column": "y"}, "--id: column 'y' is already named by --target"),
        ({"sensitive": ["born"]}, "'born' is a date"),
        ({"sensitive": ["name"]}, "'name' has 60 different texts"),
        ({"sensitive": ["one"]}, "'one' has only one value"),
    ],
)
def test_options_that_do_not_fit_the_table_are_refused(
    options: dict[str, Any], reason: str
) -> None:
    born = [f"1990-01-{k:02d}" for k in range(1, 29)]
    frame = table(y=["yes", "no"], born=born, name=[f"n{k}" for k in range(60)], one=["a"])
    with pytest.raises(SluiceError, match=reason):
        profile(frame, **options)


def test_too_few_rows_or_columns_are_refused() -> None:
    with pytest.raises(SluiceError, match="30 rows are too few"):
        profile(table(y=["yes", "no"]).head(30))
    with pytest.raises(SluiceError, match="no column can be used to predict 'y'"):
        profile(table(y=["yes", "no"], born=["2026-01-01", "2026-01-02"]).drop(columns="x"))


def test_whole_numbers_of_which_some_are_rare_are_predicted_as_numbers() -> None:
    counted = pd.DataFrame(
        {"x": np.linspace(0, 1, 200), "y": [0] * 90 + [1] * 70 + [2] * 37 + [9] * 3}
    )
    found = profile(counted)
    assert found.task == "regression"
    (target,) = (each for each in found.columns if each.name == "y")
    assert "some are too rare to be classes" in target.remark
    assert profile(counted, known="multiclass").task == "multiclass"
    counted["y"] = [0] * 90 + [1] * 70 + [2] * 30 + [9] * 10
    assert profile(counted, known="regression").task == "regression"
    assert profile(counted).task == "multiclass"
    counted["y"] = [0] * 197 + [1] * 3
    assert profile(counted).task == "binary"


def test_a_false_negative_costs_more_if_positives_are_rare_and_the_summary_says_so() -> None:
    found = profile(table(y=["yes"] * 6 + ["no"] * 114))
    assert found.rare_positives == pytest.approx(0.05)
    nothing = Estimate(0.0, 0.0, 0.0)
    derived = DerivedBounds(
        *(0.0, 0.0, 0.95, (), {}, 1e-6, {"roc_auc": nothing}, 30, {}, {}, {}, (), (), {}),
        *(None, "x", 0.5),
    )
    (note,) = (line for line in summary(found, derived, True) if "positive." in line)
    assert note.startswith("Note: only 5.0 % of the rows are positive.")
    assert "a false negative costs 19 times as much" in note
    assert costs(found) == {"false_negative": 19, "false_positive": 1}
    text = params_yaml(found, "data/x.csv", derived)
    assert parse_yaml(text.encode(), "params.yaml")["selection"]["costs"] == costs(found)
    assert "the model would predict few or no positives" in text
    even = profile(table(y=["yes", *["no"] * 9]))
    assert even.rare_positives is None
    assert costs(even) == {"false_negative": 1, "false_positive": 1}
    assert profile(table(y=list(range(60)))).rare_positives is None


FORMS = [
    *(
        "{},56",
        "$1,{:03}.50",
        "{}.3%",
        "12,{:03}",
        "3,12,{:03}.50",
        "1.{:03},50 \u20ac",
        "CHF 2'{:03}",
    ),
    *("1\u00a0{:03}", "1\u202f{:03},5", "1 {:03}", "({:03})", "(1,{:03}.00)", "\u2212{}", "{}-"),
    *("USD {}", "EUR1.{:03}", "-$1,{:03}", "R$ {},00", "{}k", "{} %"),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("different", [60, ROWS])
def test_formatted_numbers_are_ignored_with_advice(form: str, different: int) -> None:
    texts = [form.format(k) for k in range(different)]
    written = column(table(y=["yes", "no"], n=texts), "n")
    assert written.use == "ignored"
    assert "it has formatted numbers such as" in written.remark
    assert "write them like 1234.5" in written.remark
    with pytest.raises(
        SluiceError, match="the target 'n' is not a number: it has formatted numbers"
    ):
        profile(table(n=texts), target="n")


@pytest.mark.parametrize(
    "form", ["A{}", "V27.{}", "{}-{}", "555-01{:02}", "10.0.0.{}", "1.{}.3", "{}.00e0", "SKU{:03}"]
)
def test_codes_are_not_mistaken_for_formatted_numbers(form: str) -> None:
    texts = [form.format(k, k) for k in range(60)]
    assert "formatted" not in column(table(y=["yes", "no"], n=texts), "n").remark


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("yes", "yes ", "in spaces"),
        ("yes", "Yes", "in upper and lower case"),
        ("yes", "yes\u200b", "by an invisible character"),
        ("caf\u00e9", "cafe\u0301", "in how accented characters are encoded"),
    ],
)
def test_values_that_hardly_differ_are_named(one: str, other: str, how: str) -> None:
    found = column(table(y=[1, 0], c=[one, "no", other]), "c")
    assert found.use == "feature"
    assert f"differ only {how}" in found.remark
    with pytest.raises(SluiceError, match=f"classes that may be the same: .* differ only {how}"):
        profile(table(y=[one, "no", other]))


def test_the_model_distinguishes_the_frequent_levels_of_a_category() -> None:
    names = [f"town {k}" for k in range(80)]
    rows = [name for k, name in enumerate(names) for _ in range(90 - k)]
    goal = ["yes", "no"] * (len(rows) // 2)
    frame = pd.DataFrame({"c": rows, "y": goal, "x": np.linspace(0, 1, len(rows))})
    found = column(frame, "c")
    assert (found.type, found.use, found.values) == ("category", "feature", ())
    assert set(found.levels) == set(names[:71])
    assert found.remark.startswith("it has 80 different texts; the model distinguishes the 71")
    rare = column(frame.assign(c=[f"word {k // 3}" for k in range(len(rows))]), "c")
    assert (rare.use, rare.levels) == ("ignored", ())
    assert "treated as free text" in rare.remark


def test_a_heavy_tailed_target_is_recognised() -> None:
    frame = table(y=[0.5 * k for k in range(60)])
    assert not profile(frame).heavy_tailed
    frame.loc[0, "y"] = 10_000.0
    assert profile(frame).heavy_tailed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My Data (final).csv", "my-data-final"),
        ("2026_\u00dcbersicht.parquet", "ubersicht"),
        ("\u65e5\u672c.csv", "adopted"),
        ("a" * 90 + ".csv", "a" * 64),
        ("2026-sales-q3.csv", "sales-q3"),
    ],
)
def test_the_name_comes_from_the_file(name: str, expected: str) -> None:
    assert project_name(Path(name)) == expected
