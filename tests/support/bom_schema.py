"""The schema of CycloneDX 1.6 that a bill of materials must match."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

_NAMESPACE = "http://cyclonedx.org/schema/"
_REFERENCED = ("spdx", "jsf-0.82", "cryptography-defs")


def faults(text: str) -> list[str]:
    """The errors of a bill by the schema, including formats such as dates and addresses."""
    return [error.message for error in _validator().iter_errors(json.loads(text))]


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    # Not the validator of cyclonedx-python-lib: for the formats it needs a library that builds a
    # grammar when it is imported, and every process with great-expectations would import it too.
    registry = jsonschema_rs.Registry(
        [(f"{_NAMESPACE}{name}.SNAPSHOT.schema.json", _read(name)) for name in _REFERENCED]
    )
    return jsonschema_rs.Draft7Validator(_read("bom-1.6"), registry=registry, validate_formats=True)


def _read(name: str) -> Any:
    """A schema that comes with cyclonedx-python-lib."""
    file = files("cyclonedx.schema") / "_res" / f"{name}.SNAPSHOT.schema.json"
    return json.loads(file.read_text("utf-8"))
