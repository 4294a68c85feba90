"""The package to test: as a process, or as the image that was built from it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sluice.image import container
from sluice.package.archive import Package
from sluice.serve.target import Target
from sluice.staging import process
from sluice.staging.load import ScoredRequests


@dataclass(frozen=True)
class Subject:
    """A package file, and the image to run it as; without an image it runs as a process."""

    file: Path
    image: str | None = None


@dataclass(frozen=True)
class Started:
    """A server that is running, and the requests to send to it."""

    package: Package
    target: Target
    requests: ScoredRequests


def serving(
    subject: Subject, package: Package, memory_mib: float | None
) -> AbstractContextManager[Target]:
    """Run the server of `package`, which was unpacked from the subject's file.

    memory_mib limits a container; a process is measured, but not limited.
    """
    if subject.image is None:
        return process.running(package.folder)
    return container.running(subject.image, package.manifest, memory_mib)
