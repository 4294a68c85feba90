"""Who built this, and who let it into production? GitHub's own command line verifies it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.github.api.access import Access

# Who attests: these workflows, as they are on main, on a runner of GitHub's.
DELIVER, RELEASE = ".github/workflows/deliver.yml", ".github/workflows/release.yml"
BRANCH = "refs/heads/main"
# What the job behind the environment says, which nobody reaches unless it was approved.
APPROVAL = "urn:sluice:approval:v1"
_SECONDS = 120


def built(access: Access, subject: Path, commit: str) -> None:
    """Raise SluiceError unless main's delivery workflow built these bytes at this commit."""
    _require_built(access, str(subject), subject.name, commit)


def image_built(access: Access, reference: str, commit: str) -> None:
    """The same of an image that its registry still has, by digest."""
    _require_built(access, f"oci://{reference}", reference, commit)


def approved(access: Access, subject: Path) -> None:
    """Raise SluiceError unless main's release workflow says that these bytes were approved."""
    doubt = _doubt(access, str(subject), RELEASE, "--predicate-type", APPROVAL)
    if doubt is not None:
        raise SluiceError(
            f"{subject.name}: no attestation of {RELEASE} on main says that it was approved: "
            f"{doubt}; whoever made it a full release by hand makes it a pre-release again, and "
            "releases it with release.yml"
        )


def _require_built(access: Access, subject: str, name: str, commit: str) -> None:
    doubt = _doubt(access, subject, DELIVER, "--source-digest", commit)
    if doubt is not None:
        raise SluiceError(f"{name}: no attestation of {DELIVER} on main vouches for it: {doubt}")


def _doubt(access: Access, subject: str, workflow: str, *said: str) -> str | None:
    """Why gh does not vouch for it; None if it does."""
    command = [
        "gh",
        "attestation",
        "verify",
        subject,
        "--repo",
        access.repository,
        "--signer-workflow",
        f"{access.repository}/{workflow}",
        "--source-ref",
        BRANCH,
        "--deny-self-hosted-runners",
        *said,
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
    if done.returncode == 0:
        return None
    word = (done.stderr.strip().splitlines() or ["no word"])[-1]
    return access.printable(word)[:300]
