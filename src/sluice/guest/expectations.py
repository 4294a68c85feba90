"""The expectations that the use case declares, as their types and arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sluice.check.expectations import name_of
from sluice.errors import SluiceError
from sluice.guest import usecase

NAME = "expectations.json"


@usecase.task
def main(inputs: Path, outputs: Path) -> None:
    """Write `expectations.json`, as great-expectations writes them, and their `names.json`."""
    declared = list(usecase.load(inputs, "expectations", "EXPECTATIONS"))
    if declared:  # otherwise the import, which takes seconds, is not needed
        _require_expectations(declared)
    text = json.dumps([item.configuration.to_json_dict() for item in declared])
    (outputs / NAME).write_text(text, "utf-8")
    names = json.dumps([name_of(item) for item in declared])
    (outputs / "names.json").write_text(names, "utf-8")


def _require_expectations(declared: list[Any]) -> None:
    from great_expectations.expectations import Expectation

    for item in declared:
        if not isinstance(item, Expectation):
            raise SluiceError(
                f"src/usecase/expectations.py: EXPECTATIONS holds {item!r}, expected an "
                "expectation of great-expectations"
            )
