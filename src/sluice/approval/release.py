"""`sluice approval release` and `rollback`: make an approved version the champion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.approval import approved, production, reason, records, versions
from sluice.approval.approved import Approved
from sluice.champion import current
from sluice.delivery import download, publication
from sluice.delivery.download import Downloaded
from sluice.delivery.record import NAME
from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.releases import Releases
from sluice.markdown import escape

_REASON = 600  # characters that are written into the notes; a valid reason is shorter
Say = Callable[[str], None]


def release(
    repository: str | None, version: str, approval: Approved, record: Path, say: Say
) -> None:
    """Make the approved pre-release the newest full release, and thereby the champion.

    Then write to `record` what the workflow attests; without that attestation the release does not
    count. Raises SluiceError if anything differs from what was approved; nothing is changed then.
    Also raises SluiceError afterwards if another version was released at the same time.
    """
    record.unlink(missing_ok=True)
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        before = versions.released(releases)
        target, approver = approved.verify(
            releases, version, approval, Path(scratch), say, full=False
        )
        _require_attested(releases, target, approval)
        note = f"Released to production, {approved.signature(releases, approver)}."
        body = {**_noted(target.release, note), "prerelease": False, "make_latest": "true"}
        releases.update(target.release, body)
        _require_alone(releases, target.release, before)
        _require_champion(releases, target.release)
        records.write(record, releases, target, approver)
    say(f"{target.release.tag_name} is the champion")


def revoke(
    repository: str | None, version: str, why: str, approval: Approved, *, folder: Path, say: Say
) -> None:
    """Write which release runs the approved rollback revokes, for the workflow to attest.

    The attestation comes before the rollback: if the rollback is interrupted, no version that it
    revokes counts as released. Raises SluiceError as `roll_back` does; nothing on GitHub is
    changed.
    """
    reason.require(why)
    with Releases(access.find(repository)) as releases, TemporaryDirectory() as scratch:
        target, approver = approved.verify(
            releases, version, approval, Path(scratch) / "target", say, full=True
        )
        found = [
            _revoked(releases, one, Path(scratch) / one.tag_name, say)
            for one in versions.later(releases, target.release)
        ]
        revokes = [one for one in found if one is not None]
        more = {"reason": why, "revokes": revokes}
        records.write(folder / records.ROLLBACK, releases, target, approver, **more)
        digests = dict.fromkeys([target.digest, *(str(one["digest"]) for one in revokes)])
        records.write_subjects(folder / records.SUBJECTS, list(digests))


def roll_back(repository: str | None, version: str, why: str, approval: Approved, say: Say) -> None:
    """Make an earlier full release the champion again, and turn later ones back into pre-releases.

    Every step can be repeated: after an interruption, the same call continues. Raises SluiceError
    if the reason has no words, or if anything differs from what was approved.
    """
    reason.require(why)
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


def _require_attested(releases: Releases, target: Downloaded, approval: Approved) -> None:
    run = production.run_id()
    kinds = {publication.APPROVED: "approved it"}
    if approval.deployment is None:  # otherwise an earlier run approved it, which was verified
        kinds = {publication.DESIRED: "approved it as the canary", **kinds}
    for kind, what in kinds.items():
        if not publication.attested_in(releases, target.folder / NAME, run, kind):
            raise SluiceError(
                f"{target.release.tag_name}: no attestation says that run {run} {what}, and an "
                "approval is for one run only; nothing is released, so start a new run"
            )


def _revoked(
    releases: Releases, release: responses.Release, folder: Path, say: Say
) -> dict[str, object] | None:
    """The runs that released a version; None if its delivery.json cannot be read."""
    try:
        found = download.record_of(releases, release, folder)
    except SluiceError as error:
        say(f"{release.tag_name}: what was released is not known, so it is not revoked: {error}")
        return None
    runs = publication.runs(releases, folder / NAME)
    return {"version": found.delivery.version, "digest": found.digest, "runs": runs}


def _require_alone(
    releases: Releases, released: responses.Release, before: list[responses.Release]
) -> None:
    """Two versions that are released at the same time were not compared with each other."""
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
    """The change that appends a line to the notes; empty if they already have it."""
    body = (release.body or "").rstrip()
    return {} if line in body else {"body": f"{body}\n\n{line}\n"}
