"""Read params.yaml; every error is one line that names the key, its value and what is expected."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sluice.config.consistency import require_consistent
from sluice.config.section import Scalar
from sluice.config.sense import require_sense
from sluice.config.settings import Settings
from sluice.errors import SluiceError
from sluice.files import read_yaml


def load(path: Path) -> Settings:
    """Read and validate params.yaml.

    Raises SluiceError if it is missing or not valid, or if one of its bounds can never refuse a
    model.
    """
    settings = validate(read_yaml(path), path.name)
    try:
        require_sense(settings)
    except ValueError as error:
        raise SluiceError(f"{path.name}: {error}") from None
    return settings


def validate(raw: Any, where: str) -> Settings:
    """Validate the parsed content of params.yaml.

    Raises SluiceError, whose message begins with `where`; it names every error within a section, or
    the first contradiction between sections.
    """
    if not isinstance(raw, Mapping):
        raise SluiceError(f"{where}: expected keys and values, found {type(raw).__name__}")
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise SluiceError(_describe(error, where)) from None
    try:
        require_consistent(settings)
    except ValueError as error:
        raise SluiceError(f"{where}: {error}") from None
    return settings


def _describe(error: ValidationError, where: str) -> str:
    """All problems that pydantic found, as one line."""
    problems = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["loc"][-1:] == ("[key]",):
            section = ".".join(str(part) for part in problem["loc"][:-2])
            name = _shorten(problem["input"])
            problems.append(f"{section} names {name}: {what[0].lower()}{what[1:]}")
        elif problem["type"] == "missing":
            problems.append(f"{key} is missing")
        elif problem["type"] == "extra_forbidden":
            problems.append(f"{key} is not a known key")
        elif isinstance(problem["input"], (dict, BaseModel)):
            problems.append(f"{key}: {what}" if key else what)
        else:
            problems.append(f"{key} is {_shorten(problem['input'])}: {what[0].lower()}{what[1:]}")
    return f"{where}: " + "; ".join(problems)


def _shorten(value: Any) -> str:
    # Printing a list of YAML aliases to lists can exhaust the memory.
    return repr(value) if isinstance(value, Scalar) else reprlib.repr(value)[:100]
