"""The workflows comply with the policy, and each of its rules finds its violations."""

from __future__ import annotations

import pytest

from support.workflows.policy import RULES
from support.workflows.policy.files import RULESETS, File, Rule
from support.workflows.violations import VIOLATIONS
from support.workflows.violations.texts import FILES, GITHUB


def _name(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_the_workflows_comply(rule: Rule) -> None:
    assert rule(FILES) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), VIOLATIONS, ids=_name)
def test_a_violation_is_found(rule: Rule, name: str, old: str, new: str) -> None:
    text = FILES[name].text
    assert old in text
    mutant = File(name, text.replace(old, new, 1))
    assert mutant.data != FILES[name].data or "#" in old
    assert rule({**FILES, name: mutant}), f"{name}: {new!r} was not found"


def test_every_rule_has_a_violation() -> None:
    assert {rule for rule, *_ in VIOLATIONS} == set(RULES)


def test_every_file_is_checked() -> None:
    there = {path.name for path in (GITHUB / "workflows").iterdir()}
    there |= {f"{path.name}/action.yml" for path in (GITHUB / "actions").iterdir()}
    assert set(FILES) == {*there, RULESETS}
