"""Changed settings of params.yaml are compared; a change that lets more models pass is looser."""

from __future__ import annotations

from typing import Any

import pytest

from support.contribution import CODES, changed_setting, compared, drop, put

LOOSER: list[tuple[str, Any]] = [
    # Compared with a default that the file does not contain.
    ("columns.weight.missing", 1.0),
    ("fairness.confidence", 0.9),
    ("performance.confidence", 0.9),
    ("performance.resamples", 100),
    ("performance.judgements", 1_000),
    ("quality.near_duplicates", 0.5),
    ("performance.under_champion", 0.5),
    ("explanation.rows", 10),
    ("rollout.margin", 0.5),
    ("rollout.alpha", 0.0001),
    ("rollout.deadline", 1e7),
    ("rollout.steps", [5, 10, 25, 50]),
    ("rollout.steps", [1, 5, 10, 25]),
    ("rollout.steps", [50]),
    ("rollout.interval", 5),
    ("rollout.promotion", "automatic"),
    # Numbers in other notations.
    ("quality.leakage", True),
    ("performance.under_champion", True),
    ("performance.bounds.roc_auc.low", "0.1"),
    ("performance.bounds.roc_auc.low", False),
    ("performance.bounds.cost.high", "99"),
    ("performance.over_baselines", "-5"),
    # The gates require or measure less.
    ("load.seconds", 0.001),
    ("load.connections", 1),
    ("load.rows", 1),
    ("split.holdout", 0.3),
    ("split.group", "none"),
    ("fairness.group_rows", 1),
    ("fairness.group_rows", 6000),
    ("parity.tolerance", 0.01),
    ("columns.slope.low", None),
    ("columns.slope.low", -10.000000001),
    ("columns.colour.values", ["red", "green", "blue", "grey"]),
    ("columns.colour.values", ["red", "green", "grey"]),
    ("columns.colour.values", ["blue", "green", "red"]),
    ("columns.colour.values", None),
    ("columns.colour.values", []),
    ("data.sensitive.born.bands", [2040]),
    ("data.sensitive.born.bands", [2040, 2041]),
    ("data.sensitive.born.bands", [2040, 2041, 2042]),
    ("data.sensitive.side.groups.left", ["left", "middle"]),
    ("data.sensitive.side.groups.left", []),
    ("data.sensitive_inputs", ["side"]),
    ("accept", [{"finding": "performance/recall", "reason": "because I say so"}]),
    # An error costs less, and other rows or numbers are drawn.
    ("selection.costs.false_positive", 1e-9),
    ("seed", 12),
    ("split.salt", "other"),
    # A leak, a proxy or a model that is too good would pass.
    ("quality.leakage", 0.91),
    ("quality.missing_leakage", 0.6),
    ("quality.combined_leakage", 1.0),
    ("quality.mostly", 0.99),
    ("columns.visits.mostly", 0.5),
    ("performance.ceiling.roc_auc", 1.0),
    ("explanation.proxy", 0.96),
    ("explanation.joint_proxy", 1.0),
]
TIGHTER: list[tuple[str, Any]] = [
    ("performance.bounds.roc_auc.low", 0.7500001),
    ("performance.bounds.roc_auc.low", "0.9"),
    ("performance.bounds.roc_auc.high", 0.99),
    ("fairness.confidence", 0.99),
    ("performance.resamples", 1000),
    ("columns.visits.missing", 0),
    ("columns.waste.low", 0),
    ("columns.colour.values", ["red", "green"]),
    ("load.seconds", 3),
    ("load.connections", 8),
    ("load.bounds.p50_ms", {"high": 5}),
    ("split.holdout", 0.41),
    ("accept", []),
    ("quality.combined_leakage", 0.9),
    ("performance.ceiling.roc_auc", 0.9),
    ("performance.ceiling.accuracy", 0.9),
    ("explanation.proxy", 0.9),
    ("explanation.joint_proxy", 0.9),
    ("rollout.steps", [1, 2, 5, 10, 25, 50]),
    ("rollout.interval", 20),
    ("rollout.deadline", 3600),
]
CHANGED: list[tuple[str, Any]] = [
    ("data.sensitive.born.bands", [1950, 1960, 1975]),
    ("data.sensitive.side.groups.other", ["other"]),
    ("data.sensitive.colour", {}),
    ("data.positive", "no"),
    ("data.id", None),
    ("data.file", "data/other.csv"),
    ("selection.metric", "brier"),
    ("selection.within", 0.5),
    ("selection.costs.false_negative", 1e6),
    ("split.latest", 0.031),
    ("bounds", "derived"),
    ("split.group", "colour"),
    ("split.by_time", "born"),
]


@pytest.mark.parametrize(("path", "value"), LOOSER)
def test_a_setting_that_lets_more_models_pass_is_looser(path: str, value: Any) -> None:
    one = changed_setting(put(path, value))
    assert (one.kind, one.key.partition(":")[0]) == ("looser", path)


@pytest.mark.parametrize(("path", "value"), TIGHTER)
def test_a_setting_that_lets_fewer_models_pass_is_tighter(path: str, value: Any) -> None:
    assert changed_setting(put(path, value)).kind == "tighter"


@pytest.mark.parametrize(("path", "value"), CHANGED)
def test_any_other_changed_setting_is_shown_as_changed(path: str, value: Any) -> None:
    assert changed_setting(put(path, value)).kind == "changed"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "other"),
        ("candidates.linear.parameters", {"C": 3}),
        # The default value, and the same number in another notation.
        ("fairness.confidence", 0.95),
        ("columns.weight.missing", 0),
        ("performance.bounds.roc_auc.low", "0.75"),
        ("performance.bounds.roc_auc.low", 7.5e-1),
        ("columns.weight.high", 200.0),
        ("load.bounds.p50_ms", None),
    ],
)
def test_a_setting_without_effect_on_the_gates_is_not_shown(path: str, value: Any) -> None:
    made = compared(put(path, value))
    assert (made.settings, made.files) == ((), ())


@pytest.mark.parametrize(
    "path",
    [
        "performance.bounds.cost",
        "fairness.confidence",
        "columns.visits.missing",
        "data.sensitive.born",
        "columns.colour.values",
    ],
)
def test_a_removed_setting(path: str) -> None:
    known = put("fairness.confidence", 0.99)
    kinds = {one.kind for one in compared(drop(path), known).settings}
    assert kinds == ({"tighter"} if path == "columns.visits.missing" else {"looser"})


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("split.group", "key", "none"),
        ("split.group", "key", None),
        ("split.group", "key", "colour"),
        ("split.by_time", "born", None),
        ("split.by_time", "born", "visits"),
    ],
)
def test_another_grouping_of_rows_is_looser(path: str, before: str, after: Any) -> None:
    known = [put(path, before), drop("data.id"), put("columns.visits.missing", 0)]
    one = changed_setting(put(path, after), lambda settings: [do(settings) for do in known])
    assert one.kind == "looser"


def test_groups_that_are_replaced_by_the_values_of_a_column_are_looser() -> None:
    one, two, _ = compared(put("data.sensitive.side", {})).settings
    assert (one.kind, two.kind) == ("looser", "looser")
    kinds = [
        o.kind
        for o in compared(drop("data.sensitive.side"), put("data.sensitive.side", {})).settings
    ]
    assert kinds == ["looser"]


def test_a_new_column_is_changed() -> None:
    new = compared(put("columns.more", {"type": "number", "low": 0, "missing": 1.0}))
    assert {one.kind for one in new.settings} == {"changed"}


def test_removing_the_checks_of_a_removed_column_is_looser() -> None:
    given = {"type": "number", "use": "ignored", "low": 0, "high": 9, "missing": 0.1}
    gone = compared(drop("columns.more"), put("columns.more", given))
    kinds = {one.key.rpartition(".")[2]: one.kind for one in gone.settings}
    looser = {name for name, kind in kinds.items() if kind == "looser"}
    assert {"low", "high", "missing"} <= looser
    assert (kinds["type"], kinds["use"]) == ("changed", "changed")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([*CODES[:-1], 999], "+999 \u2212114"),
        ([*CODES, "100"], "+'100'"),
        ([*CODES[:-2], *CODES[:-3:-1]], "15 items in another order"),
        ([*range(200, 300)], "+200 +201"),
    ],
)
def test_a_long_list_shows_the_items_that_are_added_and_removed(
    values: list[Any], said: str
) -> None:
    one = changed_setting(put("columns.code.values", values))
    assert (one.kind, one.before) == ("looser", "15 items")
    assert one.after.startswith(said)
