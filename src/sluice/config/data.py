"""The table: its columns, the target, the id and the sensitive attributes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, field_validator, model_validator

from sluice.config.section import Ordered, Scalar, Section, Share, Word
from sluice.labels import label


class Column(Section):
    """What a column may hold. `levels` are the categories that the model tells apart."""

    type: Literal["integer", "number", "category", "text"]
    use: Literal["feature", "ignored"] = "feature"
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    values: list[Scalar] | None = None
    levels: list[Scalar] | None = None
    missing: Share = 0.0
    monotone: Literal["increasing", "decreasing"] | None = None

    @property
    def numeric(self) -> bool:
        return self.type in ("integer", "number")

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if not self.numeric and (self.low is not None or self.high is not None or self.monotone):
            raise ValueError(f"low, high and monotone are for numbers, this is a {self.type}")
        if self.type != "category" and (self.values is not None or self.levels is not None):
            raise ValueError(f"values and levels are for categories, this is a {self.type}")
        return self


class Groups(Section):
    """How a sensitive column falls into groups: by its values, or by bands of a number."""

    groups: Ordered[Word, list[Scalar]] | None = None
    bands: Annotated[list[FiniteFloat], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.groups is not None and self.bands is not None:
            raise ValueError("expected groups or bands, not both")
        members = [label(value) for values in (self.groups or {}).values() for value in values]
        for name in members:
            if members.count(name) > 1:
                raise ValueError(f"{name!r} is in two groups")
        if self.bands is not None and sorted(set(self.bands)) != self.bands:
            raise ValueError("expected bands in rising order")
        return self


class Data(Section):
    file: str
    target: str
    positive: Scalar | None = None
    id: str | None = None
    sensitive: Ordered[str, Groups] = Field(default_factory=dict)
    sensitive_inputs: list[str] = Field(default_factory=list)

    @field_validator("file")
    @classmethod
    def _lies_below_data(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.parts[:1] != ("data",) or len(path.parts) < 2 or ".." in path.parts:
            raise ValueError("expected a path below data/, where DVC versions it")
        return file
