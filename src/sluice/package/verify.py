"""Say whether a package that nobody vouches for is what it claims, and still behaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from sluice.errors import SluiceError
from sluice.gates import GATES
from sluice.package import pickles
from sluice.package.archive import unpack
from sluice.package.manifest import Manifest
from sluice.verdict import Finding, Verdict

_SECONDS = 300


def run(file: Path) -> tuple[Manifest, Verdict]:
    """Verify a package; returns its manifest and the verdict of its scenarios.

    Raises SluiceError for an archive that must not be opened or is not whole.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-") as scratch:
        folder = Path(scratch)
        manifest = unpack(file, folder)
        pickles.refuse(folder / "model", str(file))
        said = _verdicts_pass(folder, str(file))
        findings = run_scenarios(folder)
    if {f.name for f in findings} != {f.name for f in said["scenarios"].findings}:
        raise SluiceError(f"{file}: holds other scenarios than the verdict on them names")
    return manifest, Verdict.of("scenarios", findings)


def _verdicts_pass(folder: Path, where: str) -> dict[str, Verdict]:
    """Every gate's verdict is in the package and passes, by its own findings."""
    said = {}
    for gate in GATES:
        path = folder / "reports" / "verdicts" / f"{gate}.json"
        if not path.is_file():
            raise SluiceError(f"{where}: the verdict of {gate} is missing")
        verdict = Verdict.read(path.read_bytes(), f"{where}: verdict of {gate}")
        if verdict.gate != gate or not verdict.passes:
            raise SluiceError(f"{where}: {gate} does not pass: {verdict.why}")
        said[gate] = verdict
    return said


def run_scenarios(folder: Path) -> list[Finding]:
    """Run the packaged scenarios in a process that can import the serving dependencies alone."""
    command = [sys.executable, "-I", "-m", "sluice.package.isolated", str(folder)]
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")}
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env=kept,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SluiceError(f"the scenarios did not end within {_SECONDS} s") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise SluiceError(f"the scenarios could not be run: {said}")
    return msgspec.convert(json.loads(done.stdout), list[Finding])
