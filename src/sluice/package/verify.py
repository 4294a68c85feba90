"""Verify a package that is not trusted: every byte, every verdict, and how its model behaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.gates import GATES
from sluice.package import pickles
from sluice.package.archive import Package, unpacked
from sluice.package.manifest import Manifest
from sluice.package.parts import REFERENCE
from sluice.sketch.reference import require_matching
from sluice.verdict import Finding, Verdict

_TIMEOUT_SECONDS = 300
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")


def run(file: Path) -> tuple[Manifest, Verdict]:
    """Verify a package file; returns its manifest and the verdict of running its scenarios.

    Raises SluiceError for an archive that is unsafe or altered, for a model that could run code
    when it is loaded, and for a verdict in the package that does not pass.
    """
    with unpacked(file) as package:
        return package.manifest, _verify(package, str(file))


def require_digest(file: Path, expected: str | None) -> str:
    """The sha256 of a package file; raises SluiceError if it is not the expected one."""
    if not file.is_file():
        raise SluiceError(f"{file}: no such file")
    digest = files.sha256_of_file(file)
    if expected is not None and digest != expected:
        raise SluiceError(
            f"{file}: its sha256 is {digest}, expected {expected}: this is another package, so "
            "find out who replaced it"
        )
    return digest


@contextmanager
def verified(file: Path) -> Iterator[Package]:
    """Unpack a package file for as long as it is used, after it was verified.

    Raises SluiceError as `run` does, and also if a scenario does not pass.
    """
    with unpacked(file) as package:
        verdict = _verify(package, str(file))
        if not verdict.passes:
            raise SluiceError(f"{file}: the model does not pass its own scenarios: {verdict.why}")
        yield package


def _verify(package: Package, where: str) -> Verdict:
    pickles.refuse(package.model, where)
    try:
        verdicts = {gate: package.verdict(gate) for gate in GATES}
    except SluiceError as error:
        raise SluiceError(f"{where}: {error}") from None
    for verdict in verdicts.values():
        if not verdict.passes:
            raise SluiceError(f"{where}: the gate {verdict.gate} does not pass: {verdict.why}")
    if (package.folder / REFERENCE).exists():
        try:
            require_matching(package.reference, package.signature, REFERENCE)
        except SluiceError as error:
            raise SluiceError(f"{where}: {error}") from None
    findings = _run_scenarios(package, where)
    if {f.name for f in findings} != {f.name for f in verdicts["scenarios"].findings}:
        raise SluiceError(
            f"{where}: the scenarios in the package are not the ones that its verdict lists"
        )
    return Verdict.of("scenarios", findings)


def _run_scenarios(package: Package, where: str) -> list[Finding]:
    """Run the scenarios in a process that can import the serving dependencies alone."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    try:
        # The folder is named relative to itself, so that messages show paths inside the package.
        done = subprocess.run(
            [sys.executable, "-I", "-m", "sluice.package.isolated", "."],
            check=False,
            cwd=package.folder,
            env=kept,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SluiceError(
            f"{where}: the scenarios did not finish within {_TIMEOUT_SECONDS} s"
        ) from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["the process ended without a message"])[-1]
        raise SluiceError(f"{where}: the scenarios could not be run: {reason}")
    return msgspec.convert(json.loads(done.stdout), list[Finding])
