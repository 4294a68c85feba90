"""What is tried: a package, as a process or as the image that was made of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sluice.image import container
from sluice.package.archive import Package
from sluice.staging import process
from sluice.staging.load import Known
from sluice.staging.target import Target


@dataclass(frozen=True)
class Subject:
    """A package file, and the image to run it as; without one it runs as a process."""

    file: Path
    image: str | None = None


@dataclass(frozen=True)
class Runner:
    """A server that runs, and what it is asked."""

    package: Package
    target: Target
    known: Known


def serving(
    subject: Subject, package: Package, memory_mib: float | None
) -> AbstractContextManager[Target]:
    """Its server, from the package as it was unpacked here; the limit is a container's."""
    if subject.image is None:
        return process.running(package.folder)
    return container.running(subject.image, package.manifest, memory_mib)
