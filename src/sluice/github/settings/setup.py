"""Change a repository on GitHub so that it matches `.github/settings`; change nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from sluice.errors import SluiceError
from sluice.github import SECTIONS, SETTINGS
from sluice.github.api import access
from sluice.github.api.client import Client
from sluice.github.settings import desired, owners
from sluice.github.settings.actual import Actual
from sluice.github.settings.actual import read as read_actual
from sluice.github.settings.apply import Say, apply
from sluice.github.settings.desired import DesiredSettings
from sluice.github.settings.differences import Change
from sluice.github.settings.plan import plan, unknown
from sluice.github.settings.plan_limits import unread

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MOST = 6


def run(
    repository: str | None, folder: Path, reviewers: list[str], *, dry_run: bool, say: Say
) -> None:
    """Show the differences, and, unless it is a dry run, change the repository.

    repository: OWNER/NAME, or None for git's origin. folder: contains the settings files.
    reviewers: logins to write into the files where reviewers are missing. Raises SluiceError unless
    every necessary change was made.
    """
    files = desired.load(folder)
    path = folder / "environments.json"
    _check_reviewers(files, path, reviewers)
    problems = [] if reviewers else _missing_reviewers(files, path)
    if problems and not dry_run:
        raise SluiceError(problems[0])
    whole = desired.with_reviewers(files, reviewers)
    with Client(access.find(repository)) as client:
        show = _printing(client.access, say)
        actual = read_actual(client, whole, SECTIONS)
        _require_writable(client.access, actual)
        changes = plan(whole, actual, SECTIONS)
        _require_reviewers(client, whole, changes)
        notes = unknown(whole, actual, SECTIONS)
        _show(client.access.repository, changes, unread(actual), notes, show)
        unnamed = _unnamed(folder, files)
        if dry_run:
            for path in unnamed:
                show(f"  {path}: the reviewers would be written into it")
            show("dry run: nothing was changed")
        else:
            for path in unnamed:
                _name(path, folder, whole, reviewers, client.access.owner)
                show(
                    f"{path} now names the reviewers: commit it, because 'sluice github doctor' "
                    "reads it"
                )
            for fault in owners.faults(folder):
                show(f"  by hand: {fault}")
            problems += _make(client, whole, actual, changes, show) if changes else []
        if actual.unread:
            problems.append(f"could not be read: {', '.join(actual.unread)}, see above")
        if problems:
            raise SluiceError(client.access.printable("; ".join(problems)))


def _make(
    client: Client, files: DesiredSettings, actual: Actual, changes: list[Change], say: Say
) -> list[str]:
    """Make the changes, and read the settings again to see whether they took effect.

    Return the problems. GitHub may answer with success although nothing has changed.
    """
    outcome = apply(client, changes, say)
    problems = []
    if outcome.refused:
        problems.append(f"refused: {', '.join(sorted(outcome.refused))}, see above")
    sections = [one for one in SECTIONS if one not in actual.unread]
    after = read_actual(client, files, sections)
    actual.unread |= after.unread
    if left := outcome.left(plan(files, after, sections)):
        what = "GitHub accepted the requests, but these settings still differ from the files"
        problems.append(f"{what}: {', '.join(left)}")
    return problems


def _printing(found: access.Access, say: Say) -> Say:
    return lambda line: say(found.printable(line))


def _check_reviewers(files: DesiredSettings, path: Path, reviewers: list[str]) -> None:
    for login in reviewers:
        if not _LOGIN.fullmatch(login):
            raise SluiceError(f"--reviewer {login!r}: expected a login; write a team into {path}")
    if len({login.lower() for login in reviewers}) != len(reviewers) or len(reviewers) > _MOST:
        raise SluiceError(f"--reviewer: expected at most {_MOST} different people")
    given = {("User", login.lower()) for login in reviewers}
    gated = [one for one in files.environments if one.prevent_self_review]
    if reviewers and any({r.key for r in one.reviewers} not in (set(), given) for one in gated):
        raise SluiceError(f"{path} already names other reviewers: change them there")


def _missing_reviewers(files: DesiredSettings, path: Path) -> list[str]:
    names = ", ".join(one.name for one in files.unreviewed)
    said = (
        f"{path} names no reviewers ({names}): give --reviewer LOGIN, up to six times; nobody "
        "can approve a release that they started, so name more than the person who starts it"
    )
    return [said] if names else []


def _require_writable(found: access.Access, actual: Actual) -> None:
    if actual.repository.archived:
        raise SluiceError(f"{found.repository} is archived: unarchive it under Settings first")


def _require_reviewers(client: Client, files: DesiredSettings, changes: list[Change]) -> None:
    """Check that all reviewers exist before changing anything, in case a name is misspelt."""
    changing = {change.what for change in changes}
    for one in files.environments:
        if f"environment {one.name}" in changing:
            for reviewer in one.reviewers:
                client.account_id(*reviewer.key)


def _unnamed(folder: Path, files: DesiredSettings) -> list[Path]:
    """The files that do not name people yet; the reviewers of releases become the code owners."""
    found = [folder / "environments.json"] if files.unreviewed else []
    return [*found, owners.path(folder)] if owners.unnamed(folder) else found


def _name(
    path: Path, folder: Path, whole: DesiredSettings, reviewers: list[str], owner: str
) -> None:
    if path == owners.path(folder):
        (production,) = (one for one in whole.environments if one.name == desired.PRODUCTION)
        owners.write(folder, production.reviewers, owner)
    else:
        desired.write_reviewers(folder, reviewers)


def _show(
    repository: str, changes: list[Change], unread: list[str], notes: list[str], say: Say
) -> None:
    if changes or unread:
        say(f"{repository}: {len(changes)} changes to make")
    else:
        say(f"{repository} matches {SETTINGS}: nothing to change")
    for change in changes:
        for difference in change.differences:
            say(f"  {difference}")
    for line in unread:
        say(f"  not changed, because it cannot be read: {line}")
    for line in notes:
        say(f"  note: {line}")
