"""Changes of environments: which branches may deploy there, and who approves a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.github.api import responses
from sluice.github.api.client import Client
from sluice.github.api.connection import RefusedError
from sluice.github.settings.actual import Actual, ActualEnvironment
from sluice.github.settings.desired import DesiredEnvironment, DesiredSettings
from sluice.github.settings.differences import UNKNOWN, Change, Difference, listed


def changes(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    """The changes of environments, except that of the administrators' bypass."""
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
        approved = f", with reviewers {reviewers}" if one.reviewers else ""
        yield Difference(what, "exists", "no", f"yes, for {patterns} only{approved}")
        return
    settings = has.settings
    # Compared by name, so that a renamed account is noticed: GitHub returns the current name.
    if {reviewer.key for reviewer in one.reviewers} != {r.key for r in settings.reviewers}:
        found = listed(reviewer.words for reviewer in settings.reviewers)
        yield Difference(what, "reviewers", found, reviewers)
    if one.prevent_self_review != settings.prevent_self_review:
        words = {True: "forbidden", False: "allowed"}
        yield Difference(
            what,
            "approval by the person who started the run",
            words[settings.prevent_self_review],
            words[one.prevent_self_review],
        )
    if one.wait_timer is not None and one.wait_timer != settings.wait_timer:
        yield Difference(what, "wait_timer", str(settings.wait_timer), str(one.wait_timer))
    if not settings.by_patterns:
        policy = settings.deployment_branch_policy
        found = "protected branches (every branch if none is)" if policy else "every branch"
        yield Difference(what, "what may deploy", found, f"{patterns} only")


def _put(client: Client, one: DesiredEnvironment, has: ActualEnvironment | None) -> None:
    client.put_environment(one.name, _environment_body(client, one, has))


def _environment_body(
    client: Client, one: DesiredEnvironment, has: ActualEnvironment | None
) -> dict[str, Any]:
    """The complete settings of the environment, because GitHub resets those that are left out.

    Only reviewers and the wait timer are left out if they are not set, because a private
    repository's plan may not have them.
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
            f"environment {environment}: GitHub does not give the number of the {policy.words}, so "
            f"it cannot be removed here: remove it under Settings, Environments, {environment}"
        )
    client.delete_policy(environment, policy.id)
    return None


def bypass(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    """The changes that prevent administrators from bypassing the rules of an environment."""
    for one in files.environments:
        has = actual.environments[one.name]
        if one.can_admins_bypass is not False or (has and not has.settings.can_admins_bypass):
            continue
        what = f"environment {one.name}"
        before = "allowed" if has else "allowed in a new one"
        differences = [Difference(what, "bypass by administrators", before, "forbidden")]
        yield Change(what, differences, partial(_forbid_bypass, one=one, has=has))


def unknown(files: DesiredSettings, actual: Actual) -> list[str]:
    """The environments for which GitHub does not say whether administrators can bypass the rules.

    GitHub's API description lacks this field, and some servers do not return it.
    """
    return [
        f"environment {one.name}: bypass by administrators: {UNKNOWN}: look under Settings, "
        "Environments"
        for one in files.environments
        if one.can_admins_bypass is False
        and (has := actual.environments[one.name])
        and has.settings.can_admins_bypass is None
    ]


def _forbid_bypass(
    client: Client, one: DesiredEnvironment, has: ActualEnvironment | None
) -> str | None:
    found = client.environment(one.name)
    allowed, why = found.can_admins_bypass if found else None, UNKNOWN
    # Sent only to a server that has the field.
    if allowed:
        try:
            allowed = client.forbid_bypass(one.name, _environment_body(client, one, has))
            why = "GitHub did not change it"
        except RefusedError as refused:
            if refused.status not in (400, 422):
                raise
            why = str(refused)
    if allowed is False:
        return None
    return (
        f"environment {one.name}: bypass by administrators: {why}: on the page of "
        f"{client.access.repository}, under Settings, Environments, {one.name}, clear 'Allow "
        "administrators to bypass configured protection rules'"
    )
