"""Make a repository what the files under `.github/settings/` say; change nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sluice.errors import SluiceError
from sluice.github import SECTIONS, access, owners, state, wanted
from sluice.github.client import Client
from sluice.github.connection import NoAnswerError, RefusedError
from sluice.github.drift import Change
from sluice.github.plan import plan
from sluice.github.plans import unread, weaker_way
from sluice.github.wanted import Wanted

Say = Callable[[str], None]

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MOST = 6


def run(
    repository: str | None, folder: Path, reviewers: list[str], *, dry_run: bool, say: Say
) -> None:
    """Raises SluiceError unless everything that was to be done is done."""
    files = wanted.load(folder)
    _check_reviewers(files, folder / "environments.json", reviewers)
    whole = wanted.with_reviewers(files, reviewers)
    with Client(access.find(repository)) as client:
        show = _printing(client.access, say)
        actual = state.read(client, whole, SECTIONS)
        changes = plan(whole, actual, SECTIONS)
        _require_reviewers(client, whole, changes)
        _show(client.access.repository, changes, unread(actual), show)
        unnamed = _unnamed(folder, files)
        if dry_run:
            for path in unnamed:
                show(f"  {path}: would name the reviewers")
            show("dry run: nothing was changed")
        else:
            for path in unnamed:
                _name(path, folder, whole, reviewers, client.access.owner)
                show(f"{path} now names the reviewers: commit it, doctor expects them too")
            for fault in owners.faults(folder):
                show(f"  by hand: {fault}")
            _apply(client, changes, show)
        if actual.unread:
            raise SluiceError(f"not everything could be read: {', '.join(actual.unread)}")


def _printing(found: access.Access, say: Say) -> Say:
    return lambda line: say(found.printable(line))


def _check_reviewers(files: Wanted, path: Path, reviewers: list[str]) -> None:
    for login in reviewers:
        if not _LOGIN.fullmatch(login):
            raise SluiceError(f"--reviewer {login!r}: expected a login; a team goes into {path}")
    if len({login.lower() for login in reviewers}) != len(reviewers) or len(reviewers) > _MOST:
        raise SluiceError(f"--reviewer: expected at most {_MOST} different people")
    names = ", ".join(one.name for one in files.unreviewed)
    given = {("User", login.lower()) for login in reviewers}
    gated = [one for one in files.environments if one.prevent_self_review]
    if reviewers and any({r.key for r in one.reviewers} not in (set(), given) for one in gated):
        raise SluiceError(f"{path} names other reviewers already: change them there")
    if names and not reviewers:
        raise SluiceError(
            f"{path} names nobody who approves ({names}): give --reviewer LOGIN, up to six times; "
            "nobody can approve a release they started, so one of them is someone else"
        )


def _require_reviewers(client: Client, files: Wanted, changes: list[Change]) -> None:
    """Look everyone up before anything is changed: a name may be misspelt."""
    changing = {change.what for change in changes}
    for one in files.environments:
        if f"environment {one.name}" in changing:
            for reviewer in one.reviewers:
                client.reviewer_id(reviewer)


def _unnamed(folder: Path, files: Wanted) -> list[Path]:
    """The files that are still to name people: who approves releases owns what decides, too."""
    found = [folder / "environments.json"] if files.unreviewed else []
    return [*found, owners.path(folder)] if owners.unnamed(folder) else found


def _name(path: Path, folder: Path, whole: Wanted, reviewers: list[str], owner: str) -> None:
    if path == owners.path(folder):
        (production,) = (one for one in whole.environments if one.name == wanted.PRODUCTION)
        owners.write(folder, production.reviewers, owner)
    else:
        wanted.write_reviewers(folder, reviewers)


def _show(repository: str, changes: list[Change], unread: list[str], say: Say) -> None:
    if not changes and not unread:
        say(f"{repository} is as the files say: nothing to change")
        return
    say(f"{repository}: to change: {len(changes)}")
    for change in changes:
        for difference in change.differences:
            say(f"  {difference}")
    for line in unread:
        say(f"  cannot be read, so not changed: {line}")


def _apply(client: Client, changes: list[Change], say: Say) -> None:
    """Make the changes one by one; stop where one fails, unless only the plan forbids it."""
    left, done = list(changes), 0
    refused: set[str] = set()
    try:
        while left:
            change = left[0]
            if change.what in refused:
                say(f"  not tried: {_title(change)}")
            else:
                try:
                    by_hand = change.apply(client)
                except RefusedError as error:
                    if not error.of_plan:
                        raise
                    refused.add(change.what)
                    say(f"  refused: {_title(change)}: {error}; {weaker_way(change.what)}")
                else:
                    say(f"  by hand: {by_hand}" if by_hand else f"  done: {_title(change)}")
                    done += 1
            left.pop(0)
    except BaseException as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        if isinstance(error, NoAnswerError):
            why += "; whether it took effect is not known"
        say(f"  failed: {_title(left[0])}: {why}")
        for change in left[1:]:
            say(f"  not tried: {_title(change)}")
        if isinstance(error, SluiceError):
            raise SluiceError(
                f"stopped at {_title(left[0])}: {why}; {done} of {len(changes)} changes are done, "
                "run it again to go on"
            ) from None
        raise
    if refused:
        raise SluiceError(f"{', '.join(sorted(refused))}: not possible here, see above")


def _title(change: Change) -> str:
    return f"{change.what} ({', '.join(one.key for one in change.differences)})"
