"""What every section of `params.yaml` is made of: strict keys, names, ranges and shares."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
Scalar = bool | int | float | str

_LONGEST_WORD = 60


def word(text: str) -> str:
    """A key whose name the user chooses; raises ValueError for one that dvc.lock cannot hold.

    DVC writes a longer key over two lines, broken at a space or at an escaped character, and
    cannot read that again.
    """
    spelt = text if text.isprintable() else json.dumps(text)
    if len(spelt) > _LONGEST_WORD and (" " in spelt or spelt != text):
        raise ValueError(
            "dvc.lock cannot hold this name, choose another: a name with spaces has at most "
            f"{_LONGEST_WORD} characters"
        )
    if "\x85" in text:
        raise ValueError(
            "dvc.lock cannot hold this name, choose another: it contains the character U+0085"
        )
    return text


Word = Annotated[str, AfterValidator(word)]
_Key = TypeVar("_Key", bound=str)
_Value = TypeVar("_Value")


def _in_order(given: dict[Any, Any]) -> dict[Any, Any]:
    inner = {k: _in_order(v) if isinstance(v, dict) else v for k, v in given.items()}
    return dict(sorted(inner.items(), key=lambda item: str(item[0])))


# DVC ignores the order of keys, so no result may depend on it.
Ordered = Annotated[dict[_Key, _Value], AfterValidator(_in_order)]


class Section(BaseModel):
    """A section with known keys only, that cannot be changed once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class Range(Section):
    """A threshold from params.yaml: a closed range with at least one end."""

    low: FiniteFloat | None = None
    high: FiniteFloat | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("expected low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        return self
