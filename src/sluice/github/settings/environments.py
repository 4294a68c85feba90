"""What the environments are to become: what may deploy there, and who approves it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.github.api import responses
from sluice.github.api.client import Client
from sluice.github.api.connection import RefusedError
from sluice.github.settings.actual import Actual, ActualEnvironment
from sluice.github.settings.desired import DesiredEnvironment, DesiredSettings
from sluice.github.settings.differences import SILENT, Change, Difference, listed


def changes(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    for one in files.environments:
        what, has = f"environment {one.name}", actual.environments[one.name]
        if differences := list(_environment(what, one, has)):
            yield Change(what, differences, partial(_put, one=one, has=has))
        yield from _policies(what, one, has.policies if has else [])


def _environment(
    what: str, one: DesiredEnvironment, has: ActualEnvironment | None
) -> Iterator[Difference]:
    reviewers = listed(reviewer.words for reviewer in one.reviewers)
    patterns = listed(pattern.words for pattern in one.branch_policies)
    if has is None:
        approved = f", approved by {reviewers}" if one.reviewers else ""
        yield Difference(what, "is", "missing", f"there, for {patterns} only{approved}")
        return
    settings = has.settings
    # By name: the answer gives the name that an id has now, so a renamed account shows.
    if {reviewer.key for reviewer in one.reviewers} != {r.key for r in settings.reviewers}:
        found = listed(reviewer.words for reviewer in settings.reviewers)
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
    if not settings.by_patterns:
        policy = settings.deployment_branch_policy
        found = "protected branches, and every branch while none is" if policy else "every branch"
        yield Difference(what, "what may deploy", found, f"{patterns} only")


def _put(client: Client, one: DesiredEnvironment, has: ActualEnvironment | None) -> None:
    client.put_environment(one.name, _environment_body(client, one, has))


def _environment_body(
    client: Client, one: DesiredEnvironment, has: ActualEnvironment | None
) -> dict[str, Any]:
    """The whole of the environment: what a request leaves out, GitHub resets.

    Except for what a private repository's plan may not have, and nobody asked for.
    """
    settings = has.settings if has else responses.EnvironmentResponse(one.name)
    body: dict[str, Any] = {
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}
    }
    wait = settings.wait_timer if one.wait_timer is None else one.wait_timer
    if wait or settings.wait_timer:
        body["wait_timer"] = wait
    if one.reviewers or settings.reviewers or settings.prevent_self_review:
        body["prevent_self_review"] = one.prevent_self_review
        body["reviewers"] = [
            {"type": reviewer.key[0], "id": client.account_id(*reviewer.key)}
            for reviewer in one.reviewers
        ]
    return body


def _policies(what: str, one: DesiredEnvironment, has: list[responses.Policy]) -> Iterator[Change]:
    patterns = {pattern.words for pattern in one.branch_policies}
    for policy in has:
        if policy.words not in patterns:
            extra = [Difference(what, policy.words, "may deploy", "refused")]
            yield Change(what, extra, partial(_delete, environment=one.name, policy=policy))
    for pattern in one.branch_policies:
        if pattern.words not in {policy.words for policy in has}:
            missing = [Difference(what, pattern.words, "refused", "may deploy")]
            add = partial(Client.add_policy, environment=one.name, body=pattern.body())
            yield Change(what, missing, add)


def _delete(client: Client, environment: str, policy: responses.Policy) -> str | None:
    if policy.id is None:
        return (
            f"environment {environment}: {policy.words}: GitHub does not tell its number: remove "
            f"it under Settings, Environments, {environment}"
        )
    client.delete_policy(environment, policy.id)
    return None


def bypass(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    for one in files.environments:
        has = actual.environments[one.name]
        if one.can_admins_bypass is not False or (has and not has.settings.can_admins_bypass):
            continue
        what = f"environment {one.name}"
        before = "may bypass it" if has else "may bypass a new one"
        differences = [Difference(what, "administrators", before, "may not bypass it")]
        yield Change(what, differences, partial(_forbid_bypass, one=one, has=has))


def untold(files: DesiredSettings, actual: Actual) -> list[str]:
    """GitHub's API description does not have this field, and not every server tells it."""
    return [
        f"environment {one.name}: administrators: {SILENT}: look under Settings, Environments"
        for one in files.environments
        if one.can_admins_bypass is False
        and (has := actual.environments[one.name])
        and has.settings.can_admins_bypass is None
    ]


def _forbid_bypass(
    client: Client, one: DesiredEnvironment, has: ActualEnvironment | None
) -> str | None:
    found = client.environment(one.name)
    told, why = found.can_admins_bypass if found else None, SILENT
    # Sent only to a server that knows the field.
    if told:
        try:
            told = client.forbid_bypass(one.name, _environment_body(client, one, has))
            why = "GitHub left it as it was"
        except RefusedError as refused:
            if refused.status not in (400, 422):
                raise
            why = str(refused)
    if told is False:
        return None
    return (
        f"environment {one.name}: administrators: {why}: on {client.access.repository}'s page, "
        f"under Settings, Environments, {one.name}: clear 'Allow administrators to bypass "
        "configured protection rules'"
    )
