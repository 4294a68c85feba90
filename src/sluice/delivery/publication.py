"""Which approved run released a version, and whether a rollback has revoked that.

An approval is for one publication. What makes a version the champion is a run of the release
workflow that attested both its approval and, afterwards, that it released the version. A rollback
attests which of these runs no longer count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sluice.delivery import attestation
from sluice.delivery.attestation import RELEASE, ROLLBACK, Attested, UnattestedError
from sluice.errors import SluiceError
from sluice.github.api.releases import Releases

# The predicate types: of the planned canary, and of what happened to it later.
DESIRED, APPROVED, RELEASED, REVOKED = (
    f"urn:sluice:{name}:v1" for name in ("rollout", "approval", "release", "rollback")
)
_AGAIN = "make it a pre-release again, and release it with the workflow Release"


def require(releases: Releases, file: Path, digest: str) -> None:
    """Raise SluiceError unless a run that still counts released the delivery after its approval.

    file: its delivery.json. digest: the sha256 of that file.
    """
    released = _runs(releases, file)
    revoked = _revoked(releases, file, digest)
    if released and released <= revoked:
        raise SluiceError(
            f"{file.name}: {_named(released)} released it, and a rollback has revoked that; if it "
            f"was made a full release by hand, {_AGAIN}"
        )


def attested_in(releases: Releases, file: Path, run: int, kind: str) -> bool:
    """Whether this run of the release workflow has attested something of this kind."""
    return _said_in(releases, file, run, kind) is not None


def desired(releases: Releases, file: Path, run: int) -> dict[str, Any] | None:
    """What this run attested about the planned canary; None if it attested nothing.

    file: the delivery.json of the version.
    """
    return _said_in(releases, file, run, DESIRED)


def revoked(releases: Releases, file: Path, digest: str) -> bool:
    """Whether a rollback has revoked every run that released the delivery.

    Raises SluiceError if GitHub or gh does not answer, or if no run has released it.
    """
    return _runs(releases, file) <= _revoked(releases, file, digest)


def rolled_back_since(releases: Releases, file: Path, digest: str, run: int) -> bool:
    """Whether a rollback after this run concerned the delivery; raises SluiceError if that cannot
    be found out.
    """
    return any(one.run > run for one in _rollbacks(releases, file, digest))


def runs(releases: Releases, file: Path) -> list[int]:
    """The runs for which it is attested that they released the delivery after its approval; may be
    empty.
    """
    try:
        return sorted(_runs(releases, file))
    except SluiceError:
        return []


def _runs(releases: Releases, file: Path) -> set[int]:
    """The runs that attested both the approval and the release. Raises SluiceError if there is
    none.
    """
    try:
        approved, released = (
            {one.run for one in attestation.of(releases.access, file, RELEASE, kind)}
            for kind in (APPROVED, RELEASED)
        )
    except UnattestedError as error:
        raise SluiceError(
            f"{file.name}: there is no attestation of {RELEASE} on main that it was approved and "
            f"released: {error}; if it was made a full release by hand, {_AGAIN}"
        ) from None
    if not approved & released:
        raise SluiceError(
            f"{file.name}: {_named(approved)} attested its approval and {_named(released)} its "
            f"release, but one run must attest both; {_AGAIN}"
        )
    return approved & released


def _said_in(releases: Releases, file: Path, run: int, kind: str) -> dict[str, Any] | None:
    try:
        found = attestation.of(releases.access, file, RELEASE, kind)
    except UnattestedError:
        return None
    return next((one.predicate for one in found if one.run == run), None)


def _revoked(releases: Releases, file: Path, digest: str) -> set[int]:
    """The runs that no longer count. Raises SluiceError if GitHub or gh does not answer."""
    said = [
        entry for one in _rollbacks(releases, file, digest) for entry in _entries(one.predicate)
    ]
    return {run for entry in said if entry.get("digest") == digest for run in _numbers(entry)}


def _rollbacks(releases: Releases, file: Path, digest: str) -> list[Attested]:
    """What rollbacks have attested about a delivery. Raises SluiceError if GitHub or gh does not
    answer.
    """
    there = releases.attestations(digest, REVOKED)
    if not there:
        return []
    # Many forged attestations could hide the real one from gh.
    if there >= attestation.MOST:
        raise SluiceError(
            f"{file.name}: it has {attestation.MOST} or more attestations of rollbacks, too many "
            "to read; find out who made them, and deliver another commit"
        )
    try:
        return attestation.of(releases.access, file, ROLLBACK, REVOKED)
    except UnattestedError as error:
        raise SluiceError(
            f"{file.name}: a rollback of it is attested, but gh cannot verify by whom: {error}; "
            "run this again, or have an administrator delete the attestation if it is forged"
        ) from None


def _entries(predicate: dict[str, Any]) -> list[dict[str, Any]]:
    listed = predicate.get("revokes")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _numbers(entry: dict[str, Any]) -> list[int]:
    listed = entry.get("runs")
    return [one for one in listed if isinstance(one, int)] if isinstance(listed, list) else []


def _named(runs: set[int]) -> str:
    return "run " + " and ".join(map(str, sorted(runs)))
