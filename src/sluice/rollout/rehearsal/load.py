"""Generated load during a rehearsal, and the results of its requests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sluice.errors import SluiceError
from sluice.package.parts import Parts
from sluice.rollout.rehearsal.clients import Plan, Sent
from sluice.scoring_log import reader

_END_SECONDS = 60.0


class Load:
    """The callers, which send requests for the duration of the block."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Load:
        command = [sys.executable, "-P", "-m", "sluice.rollout.rehearsal.clients"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C does not reach it
        )
        if self._process.stdin is not None:
            self._process.stdin.write(msgspec.json.encode(self._plan) + b"\n")
            self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def end(self) -> list[Sent]:
        """Stop sending; returns every request once all are answered. Raises SluiceError."""
        if self._process is None:
            raise SluiceError("the callers were not started")
        try:
            written, problems = self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            raise SluiceError(f"the callers did not end within {_END_SECONDS:g} s") from None
        if self._process.returncode:
            lines = problems.decode(errors="replace").strip().splitlines() or ["no error message"]
            raise SluiceError(f"the callers failed: {lines[-1]}")
        return msgspec.msgpack.decode(written, type=list[Sent])


def records(package: Parts) -> list[str]:
    """Every row of the package's samples as JSON; SluiceError if there are none."""
    rows = [row for sample in package.scenarios.samples.values() for row in sample]
    if not rows:
        raise SluiceError("the samples in scenarios/scenarios.json have no rows to send")
    return [json.dumps(dict(row), allow_nan=False) for row in rows]


def repeated(logs: Iterable[Path]) -> int:
    """How many rows were scored more than once, by the ids in the scoring logs."""
    scored = Counter(
        (record["request"], record["row"])
        for log in logs
        if log.exists()
        for record in reader.read(log)
    )
    return sum(times > 1 for times in scored.values())
