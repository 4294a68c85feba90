"""Settings as they are written: similar texts, invalid values, and files of any form."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sluice.contribution.compare import compare
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from support.contribution import changed_setting, every_setting, put


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
