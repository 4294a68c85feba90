"""Changed settings of params.yaml are compared, and whatever lets more through is looser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sluice.config import validate
from sluice.contribution.compare import compare
from sluice.contribution.record import ChangedSetting
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from support.contribution import CODES, every_setting

Settings = dict[str, Any]
Change = Callable[[Settings], object]


def compared(change: Change, before: Change = lambda settings: None, *, valid: bool = True) -> Any:
    sides = every_setting(), every_setting()
    before(sides[0])
    before(sides[1])
    change(sides[1])
    if valid:
        validate(sides[0], "base")
        validate(sides[1], "here")
    return compare("main", *sides, ["params.yaml"])


def changed_setting(
    change: Change, before: Change = lambda settings: None, *, valid: bool = True
) -> ChangedSetting:
    (one,) = compared(change, before, valid=valid).settings
    assert one.before != one.after
    assert max(len(one.before), len(one.after)) <= 80
    return one


def put(path: str, value: Any) -> Change:
    """Set the value at a path of names with dots between them."""
    *above, last = path.split(".")

    def change(settings: Settings) -> None:
        inner = settings
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value

    return change


def drop(path: str) -> Change:
    *above, last = path.split(".")

    def change(settings: Settings) -> None:
        inner = settings
        for name in above:
            inner = inner[name]
        del inner[last]

    return change


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
    # Numbers that are written as something else.
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
    # An error is cheaper, and other rows or numbers are drawn.
    ("selection.costs.false_positive", 1e-9),
    ("seed", 12),
    ("split.salt", "other"),
    # A leak, a proxy or a model that is too good would be let through.
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
def test_a_setting_that_lets_more_through_is_looser(path: str, value: Any) -> None:
    one = changed_setting(put(path, value))
    assert (one.kind, one.key.partition(":")[0]) == ("looser", path)


@pytest.mark.parametrize(("path", "value"), TIGHTER)
def test_a_setting_that_lets_less_through_is_tighter(path: str, value: Any) -> None:
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
def test_another_way_to_keep_rows_apart_is_looser(path: str, before: str, after: Any) -> None:
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


def test_what_no_longer_checks_a_column_that_is_gone_is_looser() -> None:
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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("salt", "salt "),
        ("salt", "salt\u200b"),
        ("s" * 300, "s" * 299 + "t"),
        ("s" * 300, "s" * 301),
        ("s" * 80, "s" * 80 + " "),
        ("1", "1\n"),
        ("\ud800", "\ud801"),
        ("a\u2028b", "a\u2029b"),
    ],
)
def test_texts_that_look_the_same_are_shown_differently(before: str, after: str) -> None:
    one = changed_setting(
        put("split.salt", after), put("split.salt", before), valid=before != "\ud800"
    )
    assert " ".join(one.before.split()) != " ".join(one.after.split())
    msgspec.json.encode(one)


def test_1_and_true_differ() -> None:
    one = changed_setting(put("data.positive", True), put("data.positive", 1), valid=False)
    assert (one.before, one.after) == ("1", "True")


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("quality.leakage", True, "looser"),
        ("performance.bounds.roc_auc.low", "0.1", "looser"),
        ("performance.bounds.roc_auc.low", "0.9", "tighter"),
        ("performance.bounds.roc_auc.low", "much", "looser"),
        ("performance.bounds.roc_auc.low", float("nan"), "looser"),
        ("performance.bounds.cost.high", "1e999", "looser"),
        ("quality.leakage", [0.1], "looser"),
        ("columns.weight.missing", 1.0, "looser"),
        ("fairness.confidence", 0.9, "looser"),
        ("load.bounds.p50_ms", {"high": 5}, "tighter"),
        ("champion", {"margin": 1}, "looser"),
    ],
)
def test_invalid_settings_are_compared_as_they_are_written(
    path: str, value: Any, kind: str
) -> None:
    assert changed_setting(put(path, value), put("unknown", 1), valid=False).kind == kind


@pytest.mark.parametrize(
    "path",
    ["dvc.lockx", "dvc.lock/x", "README.md.py", "docsx/a", "src/usecase", "x/dvc.lock", "x/docs/a"],
)
def test_a_file_needs_no_owner_only_by_its_exact_path(path: str) -> None:
    free = ["dvc.lock", "README.md", "docs/a", "tests/usecase/a.py"]
    assert compare("main", every_setting(), every_setting(), [path, *free]).files == (path,)


def test_settings_on_one_side_only() -> None:
    made = compare("main", {}, every_setting(), [])
    assert {one.kind for one in made.settings if not one.key.startswith("accept")} == {"changed"}
    gone = compare("main", every_setting(), {}, []).settings
    assert gone[0].kind == "looser"
    assert compare("main", {}, [], []).settings == ()


@pytest.mark.parametrize(
    "yaml",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a [1, 1]\n"
        + "\n".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(24)
        ),
        f"a: &a {'x' * 60_000}\nb: [{'*a, ' * 1_000}]",
    ],
)
def test_aliases_that_would_not_fit_into_memory_are_refused(yaml: str) -> None:
    with pytest.raises(SluiceError, match="once its aliases are resolved"):
        compare("main", every_setting(), parse_yaml(yaml.encode(), "params.yaml"), [])
