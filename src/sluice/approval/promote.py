"""After the approval: the pre-release becomes a full release, or an earlier one the champion."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.approval import commits, preflight
from sluice.delivery import fetch
from sluice.delivery.fetch import Fetched
from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.releases import Releases
from sluice.github.settings.desired import PRODUCTION
from sluice.markdown import escape

RECORD = "approval.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Approved:
    """digest: of delivery.json. beside: the champion that the page compares with, or nobody."""

    digest: str
    beside: str


def confirm(
    repository: str | None, version: str, approved: Approved, record: Path, say: Say
) -> None:
    """Write down who approved what, for the workflow to attest before anything is released."""
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        fetched, approver = _approved(releases, version, approved, Path(scratch), say, full=False)
        said = {"version": fetched.delivery.version, "approver": approver, "run": _run(releases)}
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(said, indent=2) + "\n", "utf-8")
    say(f"{record}: approved by {approver}")


def release(repository: str | None, version: str, approved: Approved, say: Say) -> None:
    """What was approved, and nothing else, becomes the champion."""
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        before = preflight.versions(releases)
        fetched, approver = _approved(releases, version, approved, Path(scratch), say, full=False)
        note = f"Released to production, approved by {escape(approver)}{_linked(releases)}."
        body = {**_note(fetched.release, note), "prerelease": False, "make_latest": "true"}
        releases.update(fetched.release, body)
        _require_alone(releases, fetched.release, before)
        _require_latest(releases, fetched.release)
    say(f"{fetched.release.tag_name} is the champion")


def roll_back(
    repository: str | None, version: str, reason: str, approved: Approved, say: Say
) -> None:
    """Make an earlier full release the champion again; later ones are pre-releases again.

    Each step can be repeated: after a failure half-way, the same call goes on.
    """
    stated = preflight.stated(reason)
    if not stated.passes:
        raise SluiceError(stated.why)
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        fetched, approver = _approved(releases, version, approved, Path(scratch), say, full=True)
        target = fetched.release
        said = f"approved by {escape(approver)}{_linked(releases)}. Reason: {escape(reason, 600)}"
        later_ones = preflight.later(releases, target)
        releases.update(
            target, {**_note(target, f"The champion again, {said}"), "make_latest": "true"}
        )
        say(f"{target.tag_name} is the champion again")
        for later in later_ones:
            note = _note(later, f"Rolled back to {target.tag_name}, {said}")
            releases.update(later, {**note, "prerelease": True, "make_latest": "false"})
            say(f"{later.tag_name} is a pre-release again")
        _require_latest(releases, target)


def _approved(
    releases: Releases, version: str, approved: Approved, folder: Path, say: Say, *, full: bool
) -> tuple[Fetched, str]:
    """The delivery as it was approved, and by whom; raises SluiceError for any difference."""
    starters = preflight.starters(releases)
    for finding in preflight.environment(releases.access, starters):
        if not finding.passes:
            raise SluiceError(f"{finding.name}: {finding.why}")
    approver = _approver(releases, starters)
    found = preflight.wanted(releases, version, full=full)
    fetched = fetch.whole(releases, found, folder, say)
    if fetched.digest != approved.digest:
        raise SluiceError(
            f"{found.tag_name}: delivery.json has the digest {fetched.digest}, but "
            f"{approved.digest} was approved: nothing is released"
        )
    latest = releases.latest()
    serves = latest.tag_name if latest else preflight.NOBODY
    # The target itself, where a rollback died half-way.
    if serves not in (approved.beside, found.tag_name):
        raise SluiceError(
            f"{serves} serves production now, but the page that was approved compares with "
            f"{approved.beside}: nothing is released, start again"
        )
    if full and latest:
        commits.require_back(commits.between(releases, latest, fetched), latest, fetched)
    return fetched, approver


def _approver(releases: Releases, starters: Collection[str]) -> str:
    """Who approved this very run. An environment that was opened meanwhile asks nobody."""
    run = preflight.run_id()
    # GitHub keeps approvals by run: one of the first attempt would vouch for all later ones.
    if os.environ.get("GITHUB_RUN_ATTEMPT", "1") != "1":
        raise SluiceError(f"run {run} was started again: an approval counts once, start a new run")
    for one in releases.approvals(run):
        login = one.user.login or ""
        named = PRODUCTION in {environment.name for environment in one.environments}
        if one.state == "approved" and named and login and login.lower() not in starters:
            return login
    raise SluiceError(
        f"nobody but who started run {run} has approved it for {PRODUCTION}: nothing is released"
    )


def _require_alone(
    releases: Releases, released: responses.Release, before: list[responses.Release]
) -> None:
    """Whoever releases two versions at once has compared neither with the other."""
    known = {released.id, *(one.id for one in before)}
    for one in preflight.versions(releases):
        if one.id not in known:
            raise SluiceError(
                f"{one.tag_name} became a full release while {released.tag_name} did: only one "
                "serves production, so make the other a pre-release again by hand"
            )


def _require_latest(releases: Releases, wanted: responses.Release) -> None:
    latest = releases.latest()
    if latest is None or latest.id != wanted.id:
        found = latest.tag_name if latest else "no release"
        raise SluiceError(
            f"GitHub calls {found} the latest, not {wanted.tag_name}: look at the releases, and "
            "run this again"
        )


def _note(release: responses.Release, line: str) -> dict[str, str]:
    body = (release.body or "").rstrip()
    return {} if line in body else {"body": f"{body}\n\n{line}\n"}


def _linked(releases: Releases) -> str:
    return f" in [run {os.environ.get('GITHUB_RUN_ID', '')}]({_run(releases)})"


def _run(releases: Releases) -> str:
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    run = os.environ.get("GITHUB_RUN_ID", "")
    return f"{server}/{releases.access.repository}/actions/runs/{run}"
