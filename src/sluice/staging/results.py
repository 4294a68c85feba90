"""The results of the test environment as files: two verdicts and the measurements.

The files are passed between jobs as an artifact and are part of a delivery, so `read` does not
trust them.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.staging.measurements import Measurements
from sluice.verdict import Status, Verdict

SCENARIOS, LOAD = "test-scenarios", "load"  # the gates
MEASURED, PAGE = "measured.json", "staging.md"
FILES = (f"{SCENARIOS}.json", f"{LOAD}.json", MEASURED, PAGE)

_MOST_BYTES = 2**20


class Results(msgspec.Struct, frozen=True):
    """scenarios, load: the verdicts. measurements: None if the load test did not complete."""

    scenarios: Verdict
    load: Verdict
    measurements: Measurements | None

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """The verdict on the scenarios, and then that on the load test."""
        return self.scenarios, self.load

    @property
    def passes(self) -> bool:
        """Whether both gates pass; params.yaml cannot accept their findings."""
        return self.measurements is not None and all(
            each.status is Status.PASS for each in self.verdicts
        )


def clear(folder: Path) -> None:
    """Delete the results of an earlier run, so that they cannot be mistaken for this run's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def write_verdict(folder: Path, verdict: Verdict) -> None:
    """Write the verdict of one gate."""
    verdict.write(folder / f"{verdict.gate}.json")


def write_measurements(folder: Path, results: Results) -> None:
    """Write the measurements, if there are any."""
    if results.measurements:
        files.write(folder / MEASURED, files.encode_record(results.measurements))


def read(folder: Path) -> Results:
    """Read the results; raises SluiceError for a file that is missing, too large or invalid."""
    scenarios = _verdict(folder / f"{SCENARIOS}.json", SCENARIOS)
    load = _verdict(folder / f"{LOAD}.json", LOAD)
    path = folder / MEASURED
    try:
        content = _content(path) if os.path.lexists(path) else None
        measured = decode_json(content, Measurements) if content else None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(
            f"{path} has no measurements: {error}; run 'sluice staging test' again"
        ) from None
    return Results(scenarios, load, measured)


def _verdict(path: Path, gate: str) -> Verdict:
    verdict = Verdict.read(_content(path), str(path))
    if verdict.gate != gate:
        raise SluiceError(
            f"{path} has the verdict of the gate {verdict.gate!r} instead of {gate!r}; "
            "run 'sluice staging test' again"
        )
    return verdict


def _content(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise SluiceError(f"{path} is missing or not a plain file; run 'sluice staging test'")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise SluiceError(
            f"{path} is larger than {_MOST_BYTES:,} bytes, so it is not from this gate; "
            "run 'sluice staging test' again"
        )
    return content
