"""May this version be put before the reviewers of production, by this person?"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path

from sluice.delivery import fetch
from sluice.delivery.attestation import BRANCH
from sluice.delivery.delivery import is_tag, tag_of
from sluice.delivery.fetch import Fetched
from sluice.errors import SluiceError
from sluice.github import SETTINGS
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.api.client import Client
from sluice.github.api.releases import Releases
from sluice.github.settings import doctor
from sluice.github.settings.desired import PRODUCTION
from sluice.text import one_line
from sluice.verdict import Finding, Status

GATE = "preflight"
NOBODY = "nobody"
SHORTEST, LONGEST, LETTERS = 10, 500, 5
_UNNAMED = "someone whom github does not name"
Say = Callable[[str], None]


def run_id() -> int:
    """The number of this workflow run; raises SluiceError outside a workflow."""
    run = os.environ.get("GITHUB_RUN_ID", "")
    if not (run.isascii() and run.isdecimal()):
        raise SluiceError("GITHUB_RUN_ID is not set: releases are made by their workflow")
    return int(run)


def starters(releases: Releases) -> dict[str, bool]:
    """Who started this run or its last attempt, and whether GitHub says that this is a person.

    The logins are in lower case. A workflow on any branch can start this one with its
    GITHUB_TOKEN: the starter is then a bot, and the person behind it is not known.
    """
    run = releases.run(run_id())
    found: dict[str, bool] = {}
    for account in (run.actor, run.triggering_actor):
        login = ((account and account.login) or _UNNAMED).lower()
        found[login] = found.get(login, True) and account is not None and account.is_person
    for name in ("GITHUB_ACTOR", "GITHUB_TRIGGERING_ACTOR"):
        if login := os.environ.get(name, "").lower():
            found.setdefault(login, False)
    return found


def environment(access: Access, starters: dict[str, bool]) -> list[Finding]:
    """A person started this, and production waits for another one to approve it."""
    # A note is against it too: what GitHub does not tell may be open.
    drift: list[str] = []
    doctor.run(access.repository, SETTINGS, ["environments"], drift.append)
    fine = "production waits for its reviewers, as .github/settings says"
    return [
        _finding("branch", _elsewhere(), "this runs by the rules of main"),
        _finding("starter", _no_persons(starters), "a person started this"),
        _finding("environment", drift, fine),
        _finding("reviewers", _reviewers(access, starters), "someone else must approve"),
    ]


def _elsewhere() -> list[str]:
    ref = os.environ.get("GITHUB_REF", BRANCH)
    return [] if ref == BRANCH else [f"this runs on {ref}, by its rules: run it on main"]


def _no_persons(starters: dict[str, bool]) -> list[str]:
    if not os.environ.get("GITHUB_ACTOR"):
        return ["GITHUB_ACTOR is not set: nobody knows who is releasing"]
    return [
        f"{login} started this, and GitHub does not say that this is a person: a person must "
        "start a new run, with 'Run workflow' on the Actions page"
        for login in sorted(starters)
        if not starters[login]
    ]


def _reviewers(access: Access, starters: Collection[str]) -> list[str]:
    with Client(access) as client:
        found = client.environment(PRODUCTION)
    if found is None:
        return [f"the environment {PRODUCTION!r} does not exist: run 'sluice github setup'"]
    others = [
        one
        for one in found.reviewers
        if one.name and (one.type == "Team" or one.name.lower() not in starters)
    ]
    problems = []
    if not others:
        who = " and ".join(sorted(starters))
        problems.append(f"{PRODUCTION} has no reviewer but {who}, who started this")
    if not found.prevent_self_review:
        problems.append(f"{PRODUCTION} lets people approve what they started themselves")
    return problems


def delivered(
    releases: Releases, version: str, folder: Path, *, full: bool, say: Say
) -> tuple[list[Finding], Fetched | None]:
    """The version is there, whole, and of the kind that is asked for."""
    try:
        release = wanted(releases, version, full=full)
        fetched = fetch.whole(releases, release, folder, say)
    except SluiceError as error:
        return [_finding("delivery", [str(error)], "")], None
    fine = f"{release.tag_name} is whole: attested, verified, each file by its digest"
    return [_finding("delivery", [], fine)], fetched


def wanted(releases: Releases, version: str, *, full: bool) -> responses.Release:
    tag = tag_of(version)
    release = releases.of_tag(tag)
    if release is None or release.draft:
        raise SluiceError(f"there is no release {tag}: the pre-releases say what there is")
    if release.prerelease == full:
        is_it = "a pre-release" if release.prerelease else "a full release already"
        way = "release.yml releases it" if full else "rollback.yml makes an earlier one champion"
        raise SluiceError(f"{tag} is {is_it}; {way}")
    return release


def versions(releases: Releases) -> list[responses.Release]:
    """The versions that were released; others may release other things here."""
    return [one for one in releases.every() if one.full and is_tag(one.tag_name)]


def later(releases: Releases, target: responses.Release) -> list[responses.Release]:
    """The full releases that came after it, and the one that serves now."""
    latest = releases.latest()
    serves = latest.id if latest else None
    return [
        one
        for one in versions(releases)
        if one.id != target.id
        and (one.id == serves or _when(one) > _when(target) or one.created_at >= target.created_at)
    ]


def _when(release: responses.Release) -> str:
    return release.published_at or release.created_at


def stated(reason: str) -> Finding:
    """Whoever goes back says why, in words that others can read later."""
    plain = one_line(reason)
    problems = []
    if not SHORTEST <= len(plain) <= LONGEST:
        problems = [f"expected a reason of {SHORTEST} to {LONGEST} characters, found {len(plain)}"]
    elif sum(map(_letter, plain)) < LETTERS:
        problems = [f"expected a reason in words, of {LETTERS} letters or more"]
    return _finding("reason", problems, "the reason is stated")


def _letter(character: str) -> bool:
    """One that shows: Unicode counts some fillers among the letters."""
    return character.isalpha() and "FILLER" not in unicodedata.name(character, "")


def _finding(name: str, problems: list[str], fine: str) -> Finding:
    status = Status.FAIL if problems else Status.PASS
    return Finding(f"{GATE}/{name}", status, "; ".join(problems) or fine)
