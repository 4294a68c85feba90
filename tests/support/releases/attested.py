"""Attestations, as the stand-in for actions/attest notes them and the one for gh reads them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sluice.delivery.attestation import APPROVAL


def attest(
    folder: Path,
    digest: str,
    commit: str,
    *,
    workflow: str = "Deliver",
    ref: str = "refs/heads/main",
    kind: str = "provenance",
) -> None:
    """Attest that this workflow, on this ref and commit, vouches for the digest."""
    note = {
        "subject": "x",
        "digest": f"sha256:{digest}",
        "workflow": workflow,
        "ref": ref,
        "commit": commit,
        "kind": kind,
    }
    (folder / f"{digest}.{kind}.json").write_text(json.dumps(note), "utf-8")


def approve(folder: Path, digest: str, **by: str) -> None:
    """Attest the approval of this delivery.json, as the job does that waits for production."""
    attest(folder, digest, **{"commit": "e" * 40, "workflow": "Release", "kind": APPROVAL, **by})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
