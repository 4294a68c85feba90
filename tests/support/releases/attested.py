"""Attestations, as the replacements of actions/attest and gh write and read them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sluice.delivery.publication import APPROVED, RELEASED, REVOKED

# The run that released the versions that are already released when a test starts.
EARLIER = 70


def attest(
    folder: Path,
    digest: str,
    commit: str,
    *,
    workflow: str = "Deliver",
    ref: str = "refs/heads/main",
    kind: str = "provenance",
    run: int = EARLIER,
    predicate: Any = None,
) -> None:
    """Attest that this workflow, on this ref and commit, vouches for the digest."""
    note = {
        "subject": "x",
        "digest": f"sha256:{digest}",
        "workflow": workflow,
        "ref": ref,
        "commit": commit,
        "kind": kind,
        "run": run,
        "predicate": predicate or {},
    }
    (folder / f"{digest}.{kind}.{run}.json").write_text(json.dumps(note), "utf-8")


def approve(folder: Path, digest: str, **by: Any) -> None:
    """Attest the approval of this delivery.json, like the job that waits for production."""
    attest(folder, digest, **{"commit": "e" * 40, "workflow": "Release", "kind": APPROVED, **by})


def release(folder: Path, digest: str, **by: Any) -> None:
    """Attest the approval of this delivery.json and its release, as the workflow does."""
    approve(folder, digest, **by)
    approve(folder, digest, **{**by, "kind": RELEASED})


def revoke(folder: Path, digest: str, runs: list[int], **by: Any) -> None:
    """Attest that these runs no longer count, like the workflow that rolls back."""
    said = {"revokes": [{"digest": digest, "runs": runs}]}
    given = {"commit": "e" * 40, "workflow": "Roll back", "kind": REVOKED, "run": EARLIER + 1}
    attest(folder, digest, **{**given, "predicate": said, **by})


def forget(folder: Path, digest: str, kind: str = "provenance") -> None:
    """Delete what is attested of a digest under this predicate type."""
    for path in list(folder.glob(f"{digest}.{kind}.*.json")):
        path.unlink()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
