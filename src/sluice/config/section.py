"""The base class of the sections of params.yaml, and the types of their keys and values."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Scalar = bool | int | float | str
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]

_LONGEST_KEY = 60


def check_key(text: str) -> str:
    """Return a key that the user chose; raise ValueError if dvc.lock cannot store it.

    DVC copies keys into dvc.lock. DVC's YAML writer breaks a long key at a space or an escaped
    character, and its reader then fails.
    """
    written = text if text.isprintable() else json.dumps(text)
    if len(written) > _LONGEST_KEY and (" " in written or written != text):
        raise ValueError(
            "rename it: dvc.lock cannot store a name with spaces or control characters that is "
            f"longer than {_LONGEST_KEY} characters"
        )
    if "\x85" in text:
        raise ValueError("rename it: dvc.lock cannot store a name with the character U+0085")
    return text


Key = Annotated[str, AfterValidator(check_key)]


def _sorted(given: dict[Any, Any]) -> dict[Any, Any]:
    inner = {key: _sorted(v) if isinstance(v, dict) else v for key, v in given.items()}
    return dict(sorted(inner.items(), key=lambda item: str(item[0])))


_KeyType = TypeVar("_KeyType", bound=str)
_ValueType = TypeVar("_ValueType")

# DVC does not notice when keys change their order, so the order must not change any result.
Ordered = Annotated[dict[_KeyType, _ValueType], AfterValidator(_sorted)]


class Section(BaseModel):
    """A part of params.yaml; unknown keys, NaN and infinite numbers are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class Range(Section):
    """The values that are within bounds; at least one end is set."""

    low: FiniteFloat | None = None
    high: FiniteFloat | None = None

    @model_validator(mode="after")
    def _check_ends(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("expected low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        return self
