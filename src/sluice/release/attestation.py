"""Who built this? GitHub's own command line verifies the signed provenance."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.github.access import Access

# A delivery is attested by this workflow, at the head of main, on a runner of GitHub's.
WORKFLOW = ".github/workflows/deliver.yml"
BRANCH = "refs/heads/main"
_SECONDS = 120


def verify(access: Access, subject: Path, commit: str) -> None:
    """Raise SluiceError unless main's delivery workflow attested these bytes at this commit."""
    command = [
        "gh",
        "attestation",
        "verify",
        str(subject),
        "--repo",
        access.repository,
        "--signer-workflow",
        f"{access.repository}/{WORKFLOW}",
        "--source-ref",
        BRANCH,
        "--source-digest",
        commit,
        "--deny-self-hosted-runners",
    ]
    host = urlsplit(access.url).hostname or ""
    if host != "api.github.com":
        # With data residency the API has a host of its own.
        command += ["--hostname", host.removeprefix("api.") if host.endswith(".ghe.com") else host]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**os.environ, "GH_TOKEN": access.token, "GH_PROMPT_DISABLED": "1"},
        )
    except FileNotFoundError:
        raise SluiceError("gh is not installed: it verifies who built a delivery") from None
    except subprocess.TimeoutExpired:
        raise SluiceError(f"gh did not verify the attestation within {_SECONDS} s") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise SluiceError(
            f"{subject.name}: no attestation of {WORKFLOW} on main vouches for it: "
            f"{access.printable(said)[:300]}"
        )
