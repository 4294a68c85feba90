"""Verify with GitHub's command line what main's workflows have attested."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sluice.errors import SluiceError
from sluice.github.api.access import Access

# Only main's versions of these workflows are trusted, and only on runners that GitHub hosts.
DELIVER, RELEASE, ROLLBACK = (
    f".github/workflows/{name}.yml" for name in ("deliver", "release", "rollback")
)
BRANCH = "refs/heads/main"
# gh reads this many attestations of a subject under one predicate type, the newest first.
MOST = 100
_RUN = re.compile(r"/actions/runs/(\d{1,19})(?:/attempts/\d+)?\Z")
_SECONDS = 120
_LONGEST = 300  # characters of gh's error message


def require_built(access: Access, file: Path, commit: str) -> None:
    """Raise SluiceError unless main's delivery workflow built these bytes from this commit."""
    _require_built(access, str(file), file.name, commit)


def require_image_built(access: Access, reference: str, commit: str) -> None:
    """Raise SluiceError unless that workflow built this image, which must still be in its
    registry.
    """
    _require_built(access, f"oci://{reference}", reference, commit)


@dataclass(frozen=True)
class Attested:
    """What a run of a workflow has attested about a file.

    run: its number, from the certificate that GitHub issued to it. predicate: the attested content.
    """

    run: int
    predicate: dict[str, Any]


class UnattestedError(SluiceError):
    """gh could not verify an attestation; the message is the reason."""


def of(access: Access, file: Path, workflow: str, kind: str) -> list[Attested]:
    """What this workflow on main has attested about these bytes, under this predicate type.

    Raises UnattestedError if there is no attestation, or if gh cannot verify it.
    """
    said = _verify(access, str(file), workflow, "--predicate-type", kind, "--limit", str(MOST))
    try:
        found = [one.result for one in msgspec.json.decode(said, type=list[_Verified])]
        return [Attested(_run_of(one), one.statement.predicate) for one in found]
    except msgspec.MsgspecError as error:
        raise UnattestedError(f"the answer of gh does not have the known form: {error}") from None


class _Certificate(msgspec.Struct):
    run: str = msgspec.field(name="runInvocationURI")


class _Signature(msgspec.Struct):
    certificate: _Certificate


class _Statement(msgspec.Struct):
    predicate: dict[str, Any]


class _Result(msgspec.Struct):
    signature: _Signature
    statement: _Statement


class _Verified(msgspec.Struct):
    result: _Result = msgspec.field(name="verificationResult")


def _run_of(result: _Result) -> int:
    found = _RUN.search(result.signature.certificate.run)
    if found is None:
        raise UnattestedError("the certificate does not name the run of the workflow")
    return int(found[1])


def _require_built(access: Access, subject: str, name: str, commit: str) -> None:
    try:
        _verify(access, subject, DELIVER, "--source-digest", commit)
    except UnattestedError as error:
        raise SluiceError(
            f"{name}: there is no attestation that {DELIVER} on main built it from the commit "
            f"{commit}: {error}; do not use it, and deliver the commit again"
        ) from None


def _verify(access: Access, subject: str, workflow: str, *conditions: str) -> str:
    """The JSON that gh prints for a verified subject. Raises UnattestedError without one."""
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
        "--format",
        "json",
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
        return done.stdout
    last = (done.stderr.strip().splitlines() or ["gh gives no reason"])[-1]
    raise UnattestedError(access.printable(last)[:_LONGEST])
