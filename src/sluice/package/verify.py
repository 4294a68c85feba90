"""Verify a package that is not trusted: every byte, every verdict, and how its model behaves."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.gates import GATES
from sluice.package import code, pickles
from sluice.package.archive import Package, unpacked
from sluice.package.manifest import MANIFEST, Manifest
from sluice.package.parts import PARAMS, REFERENCE
from sluice.sketch.reference import require_matching
from sluice.verdict import Bound, Finding, Verdict

# The resources that all scenarios of a package together may use during verification.
_TIMEOUT_SECONDS, _PROCESSOR_SECONDS = 55, 45
_MEMORY_BYTES = 8 * 2**30
_FILE_BYTES = 16 * 2**20
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")


class Verified(NamedTuple):
    """The package's manifest, its scenarios' verdict, and whether its use case was confined."""

    manifest: Manifest
    verdict: Verdict
    confined: bool


class Declared(msgspec.Struct):
    """What the use case declared for a gate, by the names of the findings."""

    names: list[str]


def run(file: Path) -> Verified:
    """Verify a package file, and run its scenarios.

    Raises SluiceError for an archive that is unsafe or altered, for a model that could run code
    when it is loaded, and for a verdict in the package that does not pass.
    """
    with unpacked(file) as package:
        return Verified(package.manifest, _verify(package, str(file)), was_confined(package))


def was_confined(package: Package) -> bool:
    """Whether the code of the use case was confined when the package was built.

    Packages of earlier versions, which name no version of sluice, do not record it.
    """
    return not package.manifest.sluice or package.confined


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
    """Verify a package file and unpack it temporarily.

    Raises SluiceError like `run`, and also if a scenario does not pass.
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
    _require_belonging(package, verdicts, where)
    if (package.folder / REFERENCE).exists():
        try:
            require_matching(package.reference, package.signature, REFERENCE)
        except SluiceError as error:
            raise SluiceError(f"{where}: {error}") from None
    findings = _run_scenarios(package, where)
    if _bounds_of(findings) != _bounds_of(verdicts["scenarios"].findings):
        raise SluiceError(
            f"{where}: the scenarios in the package are not the ones that its verdict lists"
        )
    return Verdict.of("scenarios", findings)


def _bounds_of(findings: Iterable[Finding]) -> dict[str, Bound | None]:
    """The bound of each finding, by its name."""
    return {finding.name: finding.bound for finding in findings}


def _require_belonging(package: Package, verdicts: dict[str, Verdict], where: str) -> None:
    """Raise SluiceError unless code, settings, verdicts and report belong to one run.

    Another version of sluice may require other findings, so verdicts are compared with params.yaml
    only if the running code built the package.
    """
    named = package.manifest.sluice
    digests = {path: file.sha256 for path, file in package.manifest.files.items()}
    if named and code.packaged(digests) != named:
        raise SluiceError(
            f"{where}: code/sluice is not the code that ran the gates according to {MANIFEST}"
        )
    try:
        packaged = {gate.gate: gate for gate in package.report.gates}
        if packaged != verdicts:
            raise SluiceError("the report and the verdicts are not from the same run")
        if named == code.own():
            _require_asked(package, verdicts)
    except SluiceError as error:
        raise SluiceError(f"{where}: {error}") from None


def _require_asked(package: Package, verdicts: dict[str, Verdict]) -> None:
    from sluice import expected, standing
    from sluice.package import one_run

    if package.settings.name != package.manifest.name:
        raise SluiceError(f"{PARAMS} names the project {package.settings.name!r}")
    for verdict in verdicts.values():
        expected.require(verdict, package.settings, "reports/verdicts")
    standing.require(package.scenarios, package.signature, package.settings)
    _require_declared(package, verdicts)
    one_run.require(package)


def _require_declared(package: Package, verdicts: dict[str, Verdict]) -> None:
    """Raise SluiceError unless exactly what the use case declared was checked."""
    for gate, prefix in (("data-quality", "data-quality/usecase/"), ("scenarios", "scenarios/")):
        path = package.reports / "evidence" / gate / "declared.json"
        try:
            names = decode_json(path.read_bytes(), Declared).names
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            where = f"reports/evidence/{gate}/declared.json"
            raise SluiceError(f"{where} does not name what was declared: {error}") from None
        found = {f.name for f in verdicts[gate].findings if f.name.startswith(prefix)}
        wanted = {f"{prefix}{name}" for name in names}
        if wanted - found or (gate == "data-quality" and found - wanted):
            other = sorted(wanted ^ found)[0]
            raise SluiceError(f"the verdict of {gate} does not match what was declared: {other!r}")


def _limit() -> None:
    """Limit processor time, memory and the files of the process that runs a package's model."""
    limits = {
        resource.RLIMIT_CPU: _PROCESSOR_SECONDS,
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: _FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _run_scenarios(package: Package, where: str) -> list[Finding]:
    """Run the scenarios in a process that can import only the serving dependencies."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    try:
        # The folder is named relative to itself, so that messages show paths inside the package.
        done = subprocess.run(
            [sys.executable, "-I", "-m", "sluice.package.isolated", "."],
            check=False,
            preexec_fn=_limit,
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
    if done.returncode < 0:
        raise SluiceError(
            f"{where}: the scenarios ended with the signal {-done.returncode}: a package may take "
            f"{_PROCESSOR_SECONDS} s of processor time and {_MEMORY_BYTES / 2**30:g} GiB"
        )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["the process ended without a message"])[-1]
        raise SluiceError(f"{where}: the scenarios could not be run: {reason}")
    return msgspec.convert(json.loads(done.stdout), list[Finding])
