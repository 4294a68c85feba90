"""`sluice approval release` and `rollback`: make an approved version the champion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.approval import approved, reason, versions
from sluice.approval.approved import Approved
from sluice.champion import current
from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.releases import Releases
from sluice.markdown import escape

_REASON = 600  # characters in the notes, more than a reason may have
Say = Callable[[str], None]


def release(repository: str | None, version: str, approval: Approved, say: Say) -> None:
    """Make the approved pre-release the newest full release, and with that the champion.

    Raises SluiceError if anything differs from what was approved; nothing is changed then. Also
    raises it afterwards if another version was released at the same time.
    """
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        before = versions.released(releases)
        target, approver = approved.verify(
            releases, version, approval, Path(scratch), say, full=False
        )
        note = f"Released to production, {approved.signature(releases, approver)}."
        body = {**_noted(target.release, note), "prerelease": False, "make_latest": "true"}
        releases.update(target.release, body)
        _require_alone(releases, target.release, before)
        _require_champion(releases, target.release)
    say(f"{target.release.tag_name} is the champion")


def roll_back(repository: str | None, version: str, why: str, approval: Approved, say: Say) -> None:
    """Make an earlier full release the champion again, and later ones pre-releases again.

    Every step can be repeated: after an interruption, the same call continues. Raises
    SluiceError for a reason without words, or if anything differs from what was approved.
    """
    judged = reason.judge(why)
    if not judged.passes:
        raise SluiceError(judged.why)
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        target, approver = approved.verify(
            releases, version, approval, Path(scratch), say, full=True
        )
        champion = target.release
        said = f"{approved.signature(releases, approver)}. Reason: {escape(why, _REASON)}"
        later = versions.later(releases, champion)
        note = _noted(champion, f"The champion again, {said}")
        releases.update(champion, {**note, "make_latest": "true"})
        say(f"{champion.tag_name} is the champion again")
        for one in later:
            note = _noted(one, f"Rolled back to {champion.tag_name}, {said}")
            releases.update(one, {**note, "prerelease": True, "make_latest": "false"})
            say(f"{one.tag_name} is a pre-release again")
        _require_champion(releases, champion)


def _require_alone(
    releases: Releases, released: responses.Release, before: list[responses.Release]
) -> None:
    """Two versions that are released at once were not compared with each other."""
    known = {released.id, *(one.id for one in before)}
    for one in versions.released(releases):
        if one.id not in known:
            raise SluiceError(
                f"{one.tag_name} became a full release at the same time as {released.tag_name}, "
                "and only one can serve production; make one of them a pre-release again by hand"
            )


def _require_champion(releases: Releases, expected: responses.Release) -> None:
    champion = current.release(releases)
    if champion is None or champion.id != expected.id:
        found = champion.tag_name if champion else "no release"
        raise SluiceError(
            f"GitHub marks {found} as the latest release instead of {expected.tag_name}; look at "
            "the releases, and start a new run"
        )


def _noted(release: responses.Release, line: str) -> dict[str, str]:
    """The change that appends a line to the notes; empty if the line is there already."""
    body = (release.body or "").rstrip()
    return {} if line in body else {"body": f"{body}\n\n{line}\n"}
