"""Open an archive that nobody vouches for, and say whether it is what it claims."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import msgspec

from sluice.check.gate import GATES
from sluice.errors import SluiceError
from sluice.package.manifest import MANIFEST, Manifest, decode, describe, digest, require_parts
from sluice.package.seal import archive as sealed
from sluice.package.seal import version
from sluice.verdict import Finding, Verdict

MOST_BYTES = 512 * 2**20
MOST_FILES = 5_000
LONGEST_PATH = 250
_SECONDS = 300


def run(file: Path) -> tuple[Manifest, Verdict]:
    """Verify a package; returns its manifest and the verdict of its scenarios.

    Raises SluiceError for an archive that must not be opened or is not whole.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-") as scratch:
        folder = Path(scratch)
        manifest = unpack(file, folder)
        said = _verdicts_pass(folder, str(file))
        findings = run_scenarios(folder)
    if {f.name for f in findings} != {f.name for f in said["scenarios"].findings}:
        raise SluiceError(f"{file}: holds other scenarios than the verdict on them names")
    return manifest, Verdict.of("scenarios", findings)


def unpack(file: Path, folder: Path) -> Manifest:
    """Unpack into an empty folder, holding every byte against the manifest."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise SluiceError(f"{file}: larger than {MOST_BYTES:,} bytes")
        # No compression: an archive is never larger than its file says.
        with tarfile.open(file, "r:") as archive:
            written = _extract(archive, folder, str(file))
    except FileNotFoundError:
        raise SluiceError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise SluiceError(f"{file}: a folder, expected a package file") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise SluiceError(f"{file}: not a readable package: {error}") from None
    if MANIFEST not in written:
        raise SluiceError(f"{file}: {MANIFEST} is missing")
    manifest = decode((folder / MANIFEST).read_bytes(), str(file))
    _hold(manifest, {k: v for k, v in written.items() if k != MANIFEST}, str(file))
    _sealed_so(file, manifest, folder)
    return manifest


def _extract(archive: tarfile.TarFile, folder: Path, where: str) -> dict[str, str]:
    """Write the members one by one; returns the sha256 of each."""
    written: dict[str, str] = {}
    total = 0
    for member in archive:
        _refuse_unless_plain(member, written, where)
        total += member.size
        if total > MOST_BYTES or len(written) >= MOST_FILES:
            raise SluiceError(
                f"{where}: unpacks to more than {MOST_BYTES:,} bytes or {MOST_FILES:,} files"
            )
        stream = archive.extractfile(member)
        content = stream.read(member.size) if stream else b""
        if len(content) != member.size:
            raise SluiceError(f"{where}: ends in the middle of {member.name}")
        target = folder / member.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise SluiceError(f"{where}: {member.name!r} is both a file and a folder") from None
        written[member.name] = hashlib.sha256(content).hexdigest()
    return written


def _refuse_unless_plain(member: tarfile.TarInfo, written: dict[str, str], where: str) -> None:
    name = member.name
    path = PurePosixPath(name)
    if not member.isreg() or member.sparse is not None:
        raise SluiceError(f"{where}: {name!r} is not a plain file (a link, folder or device)")
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or ":" in name:
        raise SluiceError(f"{where}: the path {name!r} leads out of the package")
    if path.as_posix() != name or not name.isprintable() or len(name.encode()) > LONGEST_PATH:
        raise SluiceError(f"{where}: the path {name!r} is not in plain form")
    if name in written:
        raise SluiceError(f"{where}: {name!r} is there twice")


def _hold(manifest: Manifest, written: dict[str, str], where: str) -> None:
    listed = manifest.files
    if sum(map(len, manifest.parts.values())) != len(listed):
        raise SluiceError(f"{where}: {MANIFEST} lists a file twice")
    for path, file in sorted(listed.items()):
        if path not in written:
            raise SluiceError(f"{where}: {path} is missing")
        if written[path] != file.sha256:
            raise SluiceError(f"{where}: {path} was changed: its sha256 is not the manifest's")
    surplus = sorted(set(written) - set(listed))
    if surplus:
        raise SluiceError(f"{where}: {surplus[0]} is not in the manifest")
    require_parts(manifest.parts, where)
    whole = digest(manifest.parts)
    if whole != manifest.digest or version(manifest.source, whole) != manifest.version:
        raise SluiceError(f"{where}: digest and version do not belong to the content")


def _sealed_so(file: Path, manifest: Manifest, folder: Path) -> None:
    """Contents and manifest make one archive: whatever differs from it is unaccounted for."""
    contents = {path: (folder / path).read_bytes() for path in manifest.files}
    if describe(contents) != manifest.parts or sealed(contents, manifest) != file.read_bytes():
        raise SluiceError(
            f"{file}: is not the archive that its files are sealed in: a size, an owner, a mode, "
            "the order or the manifest's spelling differs, or bytes follow the end"
        )


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
