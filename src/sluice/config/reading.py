"""Read and validate `params.yaml`; each problem names its key, its value and what was expected."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sluice.config.section import Scalar
from sluice.config.settings import Settings
from sluice.errors import SluiceError
from sluice.files import read_yaml


def load(path: Path) -> Settings:
    """Read and validate `params.yaml`; raises SluiceError naming key, value and expectation."""
    return validate(read_yaml(path), path.name)


def validate(raw: Any, where: str) -> Settings:
    if not isinstance(raw, Mapping):
        raise SluiceError(f"{where}: expected keys and values, found {type(raw).__name__}")
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise SluiceError(_one_line(error, where)) from None


def _one_line(error: ValidationError, where: str) -> str:
    said = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["loc"][-1:] == ("[key]",):
            inside = ".".join(str(part) for part in problem["loc"][:-2])
            said.append(f"{inside} names {_shown(problem['input'])}: {what[0].lower()}{what[1:]}")
        elif problem["type"] == "missing":
            said.append(f"{key} is missing")
        elif problem["type"] == "extra_forbidden":
            said.append(f"{key} is not a known key")
        elif isinstance(problem["input"], (dict, BaseModel)):
            said.append(f"{key}: {what}" if key else what)
        else:
            said.append(f"{key} is {_shown(problem['input'])}: {what[0].lower()}{what[1:]}")
    return f"{where}: " + "; ".join(said)


def _shown(value: Any) -> str:
    # A list of aliases to lists can be larger than memory when it is written out.
    return repr(value) if isinstance(value, Scalar) else reprlib.repr(value)[:100]
