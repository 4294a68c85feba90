"""What differs between the files and the repository, and the request that mends it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from sluice.github import SECTIONS, Section, answers, state, wanted
from sluice.github.client import Client
from sluice.github.wanted import Wanted

_SILENT = "not told by GitHub"


@dataclass(frozen=True)
class Difference:
    what: str
    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.key}: {self.before}, should be {self.after}"


@dataclass(frozen=True)
class Change:
    """One request. What it returns, if anything, is left for a person to do by hand."""

    what: str
    differences: list[Difference]
    apply: Callable[[Client], str | None]


def plan(files: Wanted, actual: state.Actual, sections: Collection[Section]) -> list[Change]:
    """The changes in the order to make them: half of them never leave less protection."""
    planners: dict[Section, Callable[[Wanted, state.Actual], Iterator[Change]]] = {
        "actions": _actions,
        "rulesets": _rulesets,
        "environments": _environments,
        "repository": _repository,
        "labels": _labels,
    }
    readable = [one for one in SECTIONS if one in sections and one not in actual.unread]
    changes = [change for one in readable for change in planners[one](files, actual)]
    # Outside GitHub's documented requests, so it comes when all the others are done.
    if "environments" in readable:
        changes += _bypass(files, actual)
    return changes


def _actions(files: Wanted, actual: state.Actual) -> Iterator[Change]:
    what, body = "actions", files.actions.workflow.body()
    if differences := _compare(what, body, _told(actual.workflow)):
        yield Change(what, differences, partial(Client.set_workflow_permissions, body=body))
    permissions = files.actions.permissions.body()
    if differences := _compare(what, permissions, _told(actual.actions)):
        kept = actual.actions.allowed_actions if actual.actions else None
        whole = {"allowed_actions": kept, **permissions} if kept else permissions
        yield Change(what, differences, partial(Client.set_actions_permissions, body=whole))


def _rulesets(files: Wanted, actual: state.Actual) -> Iterator[Change]:
    found = {one.name: one for one in actual.rulesets}
    for one in files.rulesets:
        what = f"ruleset {one.name}"
        if one.name not in found:
            there = f"there, with the rules {_words(rule['type'] for rule in one.body()['rules'])}"
            missing = [Difference(what, "is", "missing", there)]
            yield Change(what, missing, partial(Client.create_ruleset, body=one.body()))
        elif differences := list(_ruleset(what, one, found[one.name])):
            update = partial(Client.update_ruleset, id=found[one.name].id, body=one.body())
            yield Change(what, differences, update)


def _ruleset(what: str, one: wanted.Ruleset, has: answers.Ruleset) -> Iterator[Difference]:
    yield from _compare(
        what,
        {"target": one.target, "enforcement": one.enforcement},
        {"target": has.target, "enforcement": has.enforcement},
    )
    actors = one.body()["bypass_actors"]
    if has.bypass_actors is None:
        yield Difference(what, "who may bypass it", _SILENT, _words(map(_actor, actors)))
    elif not _same(actors, has.bypass_actors):
        yield Difference(
            what,
            "who may bypass it",
            _words(map(_actor, has.bypass_actors)),
            _words(map(_actor, actors)),
        )
    ref = has.conditions.ref_name if has.conditions else answers.RefName()
    yield from _compare(
        what,
        msgspec.to_builtins(one.conditions.ref_name),
        {"include": ref.include, "exclude": ref.exclude},
    )
    yield from _rules(what, one.body()["rules"], has.rules)


def _rules(
    what: str, rules: list[dict[str, Any]], has: list[dict[str, Any]]
) -> Iterator[Difference]:
    found = {str(rule.get("type")): rule.get("parameters") or {} for rule in has}
    for rule in rules:
        kind = rule["type"]
        if kind not in found:
            yield Difference(what, f"rule {kind}", "missing", "there")
        else:
            yield from _compare(f"{what}: {kind}", rule.get("parameters", {}), found[kind])
    for kind in found.keys() - {rule["type"] for rule in rules}:
        yield Difference(what, f"rule {kind}", "there", "gone, the file does not have it")


def _environments(files: Wanted, actual: state.Actual) -> Iterator[Change]:
    for one in files.environments:
        what, has = f"environment {one.name}", actual.environments[one.name]
        if differences := list(_environment(what, one, has)):
            yield Change(what, differences, partial(_put, one=one, has=has))
        yield from _policies(what, one, has.policies if has else [])


def _environment(
    what: str, one: wanted.Environment, has: state.Environment | None
) -> Iterator[Difference]:
    reviewers = _words(reviewer.words for reviewer in one.reviewers)
    patterns = _words(pattern.words for pattern in one.branch_policies)
    if has is None:
        approved = f", approved by {reviewers}" if one.reviewers else ""
        yield Difference(what, "is", "missing", f"there, for {patterns} only{approved}")
        return
    settings = has.settings
    # By name: the answer gives the name that an id has now, so a renamed account shows.
    if {reviewer.key for reviewer in one.reviewers} != {r.key for r in settings.reviewers}:
        found = _words(reviewer.words for reviewer in settings.reviewers)
        yield Difference(what, "reviewers", found, reviewers)
    if one.prevent_self_review != settings.prevent_self_review:
        words = {True: "forbidden", False: "allowed"}
        yield Difference(
            what,
            "approval of one's own release",
            words[settings.prevent_self_review],
            words[one.prevent_self_review],
        )
    if one.wait_timer is not None and one.wait_timer != settings.wait_timer:
        yield Difference(what, "wait_timer", str(settings.wait_timer), str(one.wait_timer))
    policy = settings.deployment_branch_policy
    if policy is None or not policy.custom_branch_policies:
        found = "protected branches, and every branch while none is" if policy else "every branch"
        yield Difference(what, "what may deploy", found, f"{patterns} only")


def _put(client: Client, one: wanted.Environment, has: state.Environment | None) -> None:
    client.put_environment(one.name, _environment_body(client, one, has))


def _environment_body(
    client: Client, one: wanted.Environment, has: state.Environment | None
) -> dict[str, Any]:
    """The whole of the environment: what a request leaves out, GitHub resets.

    Except for what a private repository's plan may not have, and nobody asked for.
    """
    settings = has.settings if has else answers.Environment(one.name)
    body: dict[str, Any] = {
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}
    }
    wait = settings.wait_timer if one.wait_timer is None else one.wait_timer
    if wait or settings.wait_timer:
        body["wait_timer"] = wait
    if one.reviewers or settings.reviewers or settings.prevent_self_review:
        body["prevent_self_review"] = one.prevent_self_review
        body["reviewers"] = [
            {"type": reviewer.key[0], "id": client.reviewer_id(reviewer)}
            for reviewer in one.reviewers
        ]
    return body


def _policies(what: str, one: wanted.Environment, has: list[answers.Policy]) -> Iterator[Change]:
    patterns = {pattern.words for pattern in one.branch_policies}
    for policy in has:
        if policy.words not in patterns:
            extra = [Difference(what, policy.words, "may deploy", "refused")]
            delete = partial(Client.delete_policy, environment=one.name, id=policy.id)
            yield Change(what, extra, delete)
    for pattern in one.branch_policies:
        if pattern.words not in {policy.words for policy in has}:
            missing = [Difference(what, pattern.words, "refused", "may deploy")]
            add = partial(Client.add_policy, environment=one.name, body=pattern.body())
            yield Change(what, missing, add)


def _bypass(files: Wanted, actual: state.Actual) -> Iterator[Change]:
    words = {True: "may bypass it", False: "may not bypass it", None: _SILENT}
    for one in files.environments:
        has = actual.environments[one.name]
        found = has.settings.can_admins_bypass if has else None
        if one.can_admins_bypass is not False or found is False:
            continue
        what = f"environment {one.name}"
        before = words[found] if has else "may bypass a new one"
        differences = [Difference(what, "administrators", before, words[False])]
        yield Change(what, differences, partial(_forbid_bypass, one=one, has=has))


def _forbid_bypass(
    client: Client, one: wanted.Environment, has: state.Environment | None
) -> str | None:
    told = client.forbid_bypass(one.name, _environment_body(client, one, has))
    if told is False:
        return None
    return (
        f"environment {one.name}: on {client.access.repository}'s page, under Settings, "
        f"Environments, {one.name}: clear 'Allow administrators to bypass configured "
        "protection rules'"
    )


def _repository(files: Wanted, actual: state.Actual) -> Iterator[Change]:
    what, body = "repository", files.repository.settings.body()
    if differences := _compare(what, body, _told(actual.repository)):
        yield Change(what, differences, partial(Client.update_repository, body=body))
    alerts = files.repository.vulnerability_alerts
    key = "vulnerability_alerts"
    if differences := _compare(what, {key: alerts}, {key: actual.vulnerability_alerts}):
        yield Change(what, differences, partial(Client.set_vulnerability_alerts, on=alerts))
    if actual.repository.private:
        return
    reporting = files.repository.private_vulnerability_reporting
    key = "private_vulnerability_reporting"
    if differences := _compare(what, {key: reporting}, {key: actual.private_reporting}):
        yield Change(what, differences, partial(Client.set_private_reporting, on=reporting))


def _labels(files: Wanted, actual: state.Actual) -> Iterator[Change]:
    found = {one.name.lower(): one for one in actual.labels}
    for one in files.labels:
        what, body, has = f"label {one.name}", one.body(), found.get(one.name.lower())
        if has is None:
            missing = [Difference(what, "is", "missing", "there")]
            yield Change(what, missing, partial(Client.create_label, body=body))
            continue
        told = {"name": has.name, "color": has.color.lower(), "description": has.description or ""}
        if differences := _compare(what, body, told):
            new = {"new_name": one.name, "color": one.color, "description": one.description}
            yield Change(what, differences, partial(Client.update_label, name=has.name, body=new))


def _compare(what: str, should: Mapping[str, Any], has: Mapping[str, Any]) -> list[Difference]:
    """What the file says and the repository does not; what only the repository says is left."""
    return [
        Difference(what, key, _shown(has.get(key)), _shown(value))
        for key, value in should.items()
        if not _same(value, has.get(key))
    ]


def _same(should: Any, has: Any) -> bool:
    """Whether it is as it should be, in any order of lists, with fields more that GitHub adds."""
    if isinstance(should, dict):
        return isinstance(has, dict) and all(_same(v, has.get(k)) for k, v in should.items())
    if isinstance(should, list):
        return (
            isinstance(has, list)
            and len(has) == len(should)
            and all(any(_same(one, other) for other in has) for one in should)
        )
    return type(should) is type(has) and bool(should == has)


def _told(answer: msgspec.Struct | None) -> dict[str, Any]:
    return msgspec.structs.asdict(answer) if answer else {}


def _shown(value: Any) -> str:
    if value is None:
        return _SILENT
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return _words(map(_item, value))
    return str(value)


def _item(item: Any) -> str:
    if not isinstance(item, dict) or "context" not in item:
        return str(item)
    app = item.get("integration_id")
    return item["context"] + (f" of app {app}" if app else "")


def _actor(actor: Mapping[str, Any]) -> str:
    said = (actor.get("actor_type"), actor.get("actor_id"), actor.get("bypass_mode"))
    return " ".join(str(one) for one in said if one is not None)


def _words(items: Iterable[str]) -> str:
    return ", ".join(items) or "none"
