"""Verify with GitHub's command line who built something, and who approved it for production."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from sluice.errors import SluiceError
from sluice.github.api.access import Access

# Only these workflows are trusted, as they are on main, and only on runners that GitHub hosts.
DELIVER, RELEASE = ".github/workflows/deliver.yml", ".github/workflows/release.yml"
BRANCH = "refs/heads/main"
# The predicate type of an approval; the job that attests it starts only after the approval.
APPROVAL = "urn:sluice:approval:v1"
_SECONDS = 120
_LONGEST = 300  # characters of gh's error message


def require_built(access: Access, file: Path, commit: str) -> None:
    """Raise SluiceError unless main's delivery workflow built these bytes from this commit."""
    _require_built(access, str(file), file.name, commit)


def require_image_built(access: Access, reference: str, commit: str) -> None:
    """The same for an image, given by its digest; its registry must still have it."""
    _require_built(access, f"oci://{reference}", reference, commit)


def require_approved(access: Access, file: Path) -> None:
    """Raise SluiceError unless main's release workflow attested that these bytes were approved."""
    problem = _problem(access, str(file), RELEASE, "--predicate-type", APPROVAL)
    if problem is not None:
        raise SluiceError(
            f"{file.name}: there is no attestation of {RELEASE} on main that it was approved: "
            f"{problem}; if it was made a full release by hand, make it a pre-release again and "
            "release it with the workflow Release"
        )


def _require_built(access: Access, subject: str, name: str, commit: str) -> None:
    problem = _problem(access, subject, DELIVER, "--source-digest", commit)
    if problem is not None:
        raise SluiceError(
            f"{name}: there is no attestation that {DELIVER} on main built it from the commit "
            f"{commit}: {problem}; do not use it, and deliver the commit again"
        )


def _problem(access: Access, subject: str, workflow: str, *conditions: str) -> str | None:
    """Why gh does not verify the subject; None if it does."""
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
        *conditions,
    ]
    host = urlsplit(access.url).hostname or ""
    if host != "api.github.com":
        # With data residency, the API has its own host name.
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
        raise SluiceError(
            "gh is not installed, and it is needed to verify attestations; install GitHub's "
            "command line from https://cli.github.com"
        ) from None
    except subprocess.TimeoutExpired:
        raise SluiceError(
            f"gh did not verify the attestation of {subject} within {_SECONDS} s; run this again"
        ) from None
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or ["gh gives no reason"])[-1]
    return access.printable(last)[:_LONGEST]
