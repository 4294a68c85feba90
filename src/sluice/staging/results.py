"""What the test environment leaves behind, and how it is read where nobody vouches for it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.staging import load, scenarios
from sluice.staging.measured import Measurements
from sluice.staging.page import markdown
from sluice.verdict import Status, Verdict

__all__ = ["Results", "clear", "markdown", "read", "write"]

_MEASURED, PAGE = "measured.json", "staging.md"
_GATES = (scenarios.GATE, load.GATE)
_FILES = (*(f"{gate}.json" for gate in _GATES), _MEASURED, PAGE)
_MOST_BYTES = 2**20


class Results(msgspec.Struct, frozen=True):
    """measurements: None if it did not come to the load."""

    scenarios: Verdict
    load: Verdict
    measurements: Measurements | None

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        return self.scenarios, self.load

    @property
    def passes(self) -> bool:
        """Nothing can be accepted here: params.yaml has no say in it."""
        return self.measurements is not None and all(
            each.status is Status.PASS for each in self.verdicts
        )


def clear(folder: Path) -> None:
    """Nothing of an earlier run must be taken for this one's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)


def write_verdict(folder: Path, verdict: Verdict) -> None:
    verdict.write(folder / f"{verdict.gate}.json")


def write(folder: Path, results: Results) -> None:
    """Write the measurements and, last, the page for people; the gates write their verdicts."""
    if results.measurements:
        content = msgspec.json.format(msgspec.json.encode(results.measurements), indent=2)
        files.write(folder / _MEASURED, content + b"\n")
    files.write(folder / PAGE, markdown(results).encode())


def read(folder: Path) -> Results:
    """Raises SluiceError for what is missing, too large, or not what it should be."""
    said = {gate: _verdict(folder / f"{gate}.json", gate) for gate in _GATES}
    path = folder / _MEASURED
    try:
        content = _content(path) if os.path.lexists(path) else None
        measured = msgspec.json.decode(content, type=Measurements) if content else None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path}: no measurements: {error}") from None
    return Results(said[scenarios.GATE], said[load.GATE], measured)


def _verdict(path: Path, gate: str) -> Verdict:
    verdict = Verdict.read(_content(path), str(path))
    if verdict.gate != gate:
        raise SluiceError(f"{path}: holds the verdict of {verdict.gate!r}, expected {gate!r}")
    return verdict


def _content(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise SluiceError(f"{path} is missing, or not a plain file: run 'sluice staging test'")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise SluiceError(f"{path}: larger than {_MOST_BYTES:,} bytes")
    return content
