"""Do the environments wait for an approval by someone who did not start this run?"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from sluice.delivery.attestation import BRANCH
from sluice.errors import SluiceError
from sluice.github import SETTINGS
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.api.client import Client
from sluice.github.api.releases import Releases
from sluice.github.settings import doctor
from sluice.github.settings.desired import CANARY, PRODUCTION
from sluice.verdict import Finding, Status

if TYPE_CHECKING:
    from sluice.approval.canary import Reported

GATE = "preflight"
_UNNAMED = "someone whom GitHub does not name"
_SET_UP = "run 'sluice github setup'"


def run_id() -> int:
    """The number of this workflow run; raises SluiceError outside a workflow."""
    run = os.environ.get("GITHUB_RUN_ID", "")
    if not (run.isascii() and run.isdecimal()):
        raise SluiceError(
            "GITHUB_RUN_ID is not the number of a workflow run; start the workflow Release or "
            "Roll back on the Actions page instead"
        )
    return int(run)


def starters(releases: Releases, reported: Reported | None = None) -> dict[str, bool]:
    """Who started this run and its last attempt, and whether GitHub says that they are people.

    reported: the canary on which a server has reported, which started this run. The people are
    then those who started the run that asked for the canary; the server may be a bot.
    The logins are in lower case. A workflow on any branch can start this one with its
    GITHUB_TOKEN: then the starter is a bot, and the person behind it is unknown.
    """
    run = releases.run(reported.asked.run if reported else run_id())
    found: dict[str, bool] = {reported.server.lower(): True} if reported else {}
    for account in (run.actor, run.triggering_actor):
        login = account.login.lower() if account and account.login else _UNNAMED
        found[login] = found.get(login, True) and account is not None and account.is_person
    for name in ("GITHUB_ACTOR", "GITHUB_TRIGGERING_ACTOR"):
        login = os.environ.get(name, "").lower()
        # A status from any account starts the run, but only the server's status counts.
        if login and not reported:
            found.setdefault(login, False)
    return found


def findings(access: Access, starters: dict[str, bool]) -> list[Finding]:
    """Whether people started this run, on main, and production waits for another person.

    starters: what the function `starters` returned.
    """
    # A setting that GitHub does not report counts as a difference, because it may have any value.
    differences: list[str] = []
    doctor.run(access.repository, SETTINGS, ["environments"], differences.append)
    matches = "the environments on GitHub match .github/settings"
    return [
        finding("branch", _wrong_branch(), "this run uses the workflow of main"),
        finding("starter", _not_people(starters), "a person started this run"),
        finding("environment", differences, matches),
        finding("reviewers", _reviewers(access, starters), "someone else must approve"),
    ]


def finding(name: str, problems: list[str], fine: str) -> Finding:
    """A finding of the gate preflight, which fails if there are problems."""
    status = Status.FAIL if problems else Status.PASS
    return Finding(f"{GATE}/{name}", status, "; ".join(problems) or fine)


def _wrong_branch() -> list[str]:
    ref = os.environ.get("GITHUB_REF", BRANCH)
    if ref == BRANCH:
        return []
    return [f"this run uses the workflow of {ref}, and only that of main is trusted: start on main"]


def _not_people(starters: dict[str, bool]) -> list[str]:
    if not os.environ.get("GITHUB_ACTOR"):
        return ["GITHUB_ACTOR is not set, so it is unknown who started this: use the workflow"]
    return [
        f"GitHub does not say that {login}, who started this run, is a person: a person must "
        "start a new run with 'Run workflow' on the Actions page"
        for login in sorted(starters)
        if not starters[login]
    ]


def _reviewers(access: Access, starters: Collection[str]) -> list[str]:
    with Client(access) as client:
        found = {name: client.environment(name) for name in (CANARY, PRODUCTION)}
    return [said for name, one in found.items() for said in _others(name, one, starters)]


def _others(
    name: str, found: responses.EnvironmentResponse | None, starters: Collection[str]
) -> list[str]:
    if found is None:
        return [f"the environment {name} does not exist: {_SET_UP}"]
    others = [
        one
        for one in found.reviewers
        if one.name and (one.type == "Team" or one.name.lower() not in starters)
    ]
    problems = []
    if not others:
        who = " and ".join(sorted(starters))
        problems.append(
            f"the environment {name} has no reviewer except {who}, who started this "
            f"run: name another one in .github/settings/environments.json, and {_SET_UP}"
        )
    if not found.prevent_self_review:
        problems.append(
            f"the environment {name} lets people approve what they started themselves: {_SET_UP}"
        )
    return problems
