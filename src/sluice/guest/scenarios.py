"""The scenarios that the use case declares, as JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sluice.errors import SluiceError
from sluice.guest import usecase
from sluice.scenario import Scenario

NAME = "scenarios.json"


@usecase.task
def main(inputs: Path, outputs: Path) -> None:
    """Write `scenarios.json`: a list of scenarios."""
    declared = list(usecase.load(inputs, "scenarios", "SCENARIOS"))
    for item in declared:
        if not isinstance(item, Scenario):
            raise SluiceError(
                f"src/usecase/scenarios.py: SCENARIOS holds {item!r}, expected a scenario of "
                "sluice.scenario"
            )
    (outputs / NAME).write_bytes(msgspec.json.encode(declared))
