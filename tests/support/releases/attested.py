"""Who attested what, as the stand-in for actions/attest notes it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sluice.delivery.attestation import APPROVAL


def attest(
    notes: Path,
    digest: str,
    commit: str,
    *,
    workflow: str = "Deliver",
    ref: str = "refs/heads/main",
    kind: str = "provenance",
) -> None:
    """Note what the stand-in for actions/attest would."""
    note = {
        "subject": "x",
        "digest": f"sha256:{digest}",
        "workflow": workflow,
        "ref": ref,
        "commit": commit,
        "kind": kind,
    }
    (notes / f"{digest}.{kind}.json").write_text(json.dumps(note), "utf-8")


def approve(notes: Path, digest: str, **by: str) -> None:
    """Note that the job behind production has attested an approval of this delivery.json."""
    attest(notes, digest, **{"commit": "e" * 40, "workflow": "Release", "kind": APPROVAL, **by})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
