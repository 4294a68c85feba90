"""What stands in `src/usecase`, `tests/usecase` and `docs` until its owner writes their own."""

from __future__ import annotations

from sluice.adopt.infer import Field, Profile

_WIDTH = 98  # of a line in a comment

EXPECTATIONS = '''"""What the data must keep to beyond columns and quality in params.yaml.

Any expectation of great-expectations; its description becomes the name in the report.
"""

from great_expectations.expectations import Expectation

EXPECTATIONS: list[Expectation] = []
'''

TEST = '''"""What must hold for this use case whatever the model says. Add your own."""

from pathlib import Path

from sluice.scenario import Known
from sluice.config import load
from usecase.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]


def test_the_settings_are_valid() -> None:
    assert load(ROOT / "params.yaml").features


def test_each_scenario_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)


def test_rows_with_known_answers_name_every_input() -> None:
    features = set(load(ROOT / "params.yaml").features)
    for scenario in SCENARIOS:
        if isinstance(scenario, Known):
            assert set(scenario.row) == features, scenario.name
'''

_SCENARIOS = '''"""How the model must behave, whatever its metrics say.

Each scenario runs against the exported model on every build, and again wherever
the package is verified. `sample="latest"` (the default) are rows kept aside from
training as the latest production. `sluice.scenario` has every kind.
"""

from sluice.scenario import AnyScenario

{examples}SCENARIOS: list[AnyScenario] = []
'''


def scenarios(profile: Profile) -> str:
    """The file of scenarios: none yet, with examples in the table's own columns."""
    numbers = [field for field in profile.features if field.low is not None]
    categories = [field for field in profile.features if field.values]
    tried = {
        "Direction": [_direction(field, profile) for field in reversed(numbers)],
        "Edge": [_edge(field) for field in [*numbers, *categories]],
        "Invariance": [_invariance(field) for field in categories],
    }
    shown = {kind: fit for kind, examples in tried.items() if (fit := _fitting(examples))}
    lines = ["For example:", "", f"from sluice.scenario import {', '.join(shown)}", ""]
    lines += [line for example in shown.values() for line in example]
    text = "".join(f"# {line}".rstrip() + "\n" for line in lines) if shown else ""
    return _SCENARIOS.format(examples=text)


def _fitting(examples: list[list[str]]) -> list[str]:
    """The first that the project's linters let stand; a name or a value may be of any length."""
    for example in examples:
        if all(line.isascii() and len(line) <= _WIDTH for line in example):
            return example
    return []


def _edge(field: Field) -> list[str]:
    value = field.values[0] if field.values else field.high
    return [
        f"Edge(name={_named('as far as it goes', field)}, change={{{field.name!r}: {value!r}}}),",
        f"Edge(name={_named('unknown', field)}, change={{{field.name!r}: None}}),",
    ]


def _direction(field: Field, profile: Profile) -> list[str]:
    of = f", of={_first_class(profile)!r}" if profile.task == "multiclass" else ""
    return [
        "Direction(",
        f"    name={_named('more must not lower the score', field)},",
        f"    column={field.name!r}, values=[{field.low}, {field.high}], effect='not lower'{of},",
        "),",
    ]


def _invariance(field: Field) -> list[str]:
    values = [*field.values[:2], None]
    return [
        "Invariance(",
        f"    name={_named('must not matter', field)}, column={field.name!r}, values={values!r}",
        "),",
    ]


def _named(what: str, field: Field) -> str:
    return repr(f"{field.name}: {what}")


def _first_class(profile: Profile) -> str:
    from sluice.labels import label

    goal = next(field for field in profile.fields if field.name == profile.target)
    return label(goal.values[0])


def datasheet(profile: Profile, source: str) -> str:
    """What is known of the data, and blanks for what only its owner knows."""
    lines = [
        f"# Datasheet: {_cell(profile.name)}",
        "",
        "Begun by `sluice adopt`. What stands in **[brackets]** is not known yet: fill it in.",
        "",
        "## Motivation and source",
        "",
        "- For what purpose was the data collected, and by whom? **[unknown]**",
        "- Where does it come from, and how was it collected? **[unknown]**",
        "- Under which licence may it be used? **[unknown]**",
        "- Whom does it describe, and did they agree? **[unknown]**",
        "",
        "## What it holds",
        "",
        f"- Adopted from `{_cell(source)}`: {profile.rows:,} rows, {len(profile.fields)} columns.",
        f"- Predicted: `{_cell(profile.target)}` ({profile.task}).",
        f"- {_identity(profile)}",
        f"- {_audited(profile)}",
        "",
        "Ranges are derived: what was seen and a tenth more. A share of missing values that is let",
        "pass is what was seen and half as much again.",
        "",
        "| column | type | use | range or values | missing, at most | remark |",
        "|---|---|---|---|---|---|",
        *(_row(field, profile) for field in profile.fields),
        "",
        "## Limits",
        "",
        "- What must it not be used for, and who is not in it? **[unknown]**",
        "- Who keeps it up to date, and how often? **[unknown]**",
    ]
    return "\n".join(lines) + "\n"


def _identity(profile: Profile) -> str:
    return f"A row is named by `{_cell(profile.id)}`." if profile.id else "No column names a row."


def _audited(profile: Profile) -> str:
    named = ", ".join(f"`{_cell(name)}`" for name in profile.sensitive)
    return f"Audited for fairness: {named or '**[none named]**'}."


def _row(field: Field, profile: Profile) -> str:
    if field.values:
        span = ", ".join(map(str, field.values))
    else:
        span = f"{field.low} to {field.high}" if field.low is not None else ""
    cells = [
        field.name,
        field.type,
        _use(field, profile),
        span,
        f"{field.missing:.0%}",
        field.remark,
    ]
    return f"| {' | '.join(map(_cell, cells))} |"


def _use(field: Field, profile: Profile) -> str:
    if field.name == profile.target:
        return "target"
    if field.name == profile.id:
        return "id"
    return "audited" if field.name in profile.sensitive else field.use


def _cell(text: str) -> str:
    """Text that ends neither a table's cell nor a code span, and is no markup."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    for sign in "\\|<>[]*`":
        shown = shown.replace(sign, f"&#{ord(sign)};")
    return shown
