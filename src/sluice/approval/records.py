"""The files that the workflows attest about an approval, a release and a rollback."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sluice import files
from sluice.delivery.download import Downloaded
from sluice.delivery.record import NAME
from sluice.github.api.releases import Releases

DESIRED, APPROVAL, RELEASE, ROLLBACK = (
    f"{name}.json" for name in ("desired", "approval", "release", "rollback")
)
# The deliveries that the record of a rollback is about, in the format of sha256sum.
SUBJECTS = "subjects.txt"


def write(path: Path, releases: Releases, target: Downloaded, approver: str, **more: Any) -> None:
    """Write the version, who approved it, in which run, and the fields in `more`."""
    said = {
        "version": target.delivery.version,
        "digest": target.digest,
        "approver": approver,
        "run": run_url(releases),
        **more,
    }
    files.write(path, f"{json.dumps(said, indent=2)}\n".encode())


def write_subjects(path: Path, digests: list[str]) -> None:
    """Write the sha256 of each delivery.json that a record is about."""
    files.write(path, "".join(f"{one}  {NAME}\n" for one in digests).encode())


def run_url(releases: Releases) -> str:
    """The address of this workflow run."""
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    run = os.environ.get("GITHUB_RUN_ID", "")
    return f"{server}/{releases.access.repository}/actions/runs/{run}"
