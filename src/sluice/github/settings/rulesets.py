"""Changes of rulesets, which decide what may be merged to main and protect version tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from sluice.github.api import responses
from sluice.github.api.client import Client
from sluice.github.settings import desired
from sluice.github.settings.actual import Actual
from sluice.github.settings.desired import DesiredSettings
from sluice.github.settings.differences import UNKNOWN, Change, Difference, compare, listed, same


def changes(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    """The rulesets to create or to update; those with other names stay unchanged."""
    found = {one.name: one for one in actual.rulesets}
    for one in files.rulesets:
        what = f"ruleset {one.name}"
        if one.name not in found:
            rules = listed(rule["type"] for rule in one.body()["rules"])
            missing = [Difference(what, "exists", "no", f"yes, with the rules {rules}")]
            yield Change(what, missing, partial(Client.create_ruleset, body=one.body()))
        elif differences := list(_ruleset(what, one, found[one.name])):
            update = partial(Client.update_ruleset, id=found[one.name].id, body=one.body())
            yield Change(what, differences, update)


def _ruleset(what: str, one: desired.Ruleset, has: responses.Ruleset) -> Iterator[Difference]:
    yield from compare(
        what,
        {"target": one.target, "enforcement": one.enforcement},
        {"target": has.target, "enforcement": has.enforcement},
    )
    actors = one.body()["bypass_actors"]
    if has.bypass_actors is None:
        yield Difference(what, "who may bypass it", UNKNOWN, listed(map(_actor, actors)))
    elif not same(actors, has.bypass_actors):
        yield Difference(
            what,
            "who may bypass it",
            listed(map(_actor, has.bypass_actors)),
            listed(map(_actor, actors)),
        )
    ref = has.conditions.ref_name if has.conditions else responses.RefName()
    yield from compare(
        what,
        msgspec.to_builtins(one.conditions.ref_name),
        {"include": ref.include, "exclude": ref.exclude},
    )
    yield from _rules(what, one.body()["rules"], has.rules)


def _rules(
    what: str, rules: list[dict[str, Any]], has: list[responses.Rule]
) -> Iterator[Difference]:
    found = {rule.type: rule.parameters or responses.RuleParameters() for rule in has}
    for rule in rules:
        kind = rule["type"]
        if kind not in found:
            yield Difference(what, f"rule {kind}", "missing", "present")
        else:
            has_parameters = msgspec.to_builtins(found[kind])
            yield from compare(f"{what}: {kind}", rule.get("parameters", {}), has_parameters)
    for kind in found.keys() - {rule["type"] for rule in rules}:
        yield Difference(what, f"rule {kind}", "present", "removed, because it is not in the file")


def _actor(actor: Mapping[str, Any]) -> str:
    said = (actor.get("actor_type"), actor.get("actor_id"), actor.get("bypass_mode"))
    return " ".join(str(one) for one in said if one is not None)
