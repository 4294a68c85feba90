"""What params.yaml says about the data: the file, its columns and their roles."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, field_validator, model_validator

from sluice.config.section import Key, Ordered, Scalar, Section, Share
from sluice.labels import label


class Column(Section):
    """Which values a column may hold.

    `values` are all permitted categories, `levels` those that the model distinguishes, and
    `missing` is the largest permitted share of missing values. `mostly` replaces quality.mostly for
    this column.
    """

    type: Literal["integer", "number", "category", "text"]
    use: Literal["feature", "ignored"] = "feature"
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    values: list[Scalar] | None = None
    levels: list[Scalar] | None = None
    missing: Share = 0.0
    mostly: Share | None = None
    monotone: Literal["increasing", "decreasing"] | None = None

    @property
    def numeric(self) -> bool:
        """Whether the column has numbers."""
        return self.type in ("integer", "number")

    @property
    def declared(self) -> tuple[str, ...]:
        """The labels of all values that are named here; empty if any value is permitted."""
        return tuple(dict.fromkeys(map(label, [*(self.values or []), *(self.levels or [])])))

    @field_validator("values", "levels")
    @classmethod
    def _check_values(cls, values: list[Scalar] | None) -> list[Scalar] | None:
        if "" in (values or []):
            raise ValueError("an empty text means a missing value; remove it")
        return values

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        if not self.numeric and (self.low is not None or self.high is not None or self.monotone):
            raise ValueError(
                f"low, high and monotone are only for numbers, but the type is {self.type}"
            )
        if self.type != "category" and (self.values is not None or self.levels is not None):
            raise ValueError(
                f"values and levels are only for categories, but the type is {self.type}"
            )
        return self


class Groups(Section):
    """How a sensitive column is divided into groups: by its values, or into ranges of a number.

    `groups` maps the name of each group to its values. `bands` are the limits between ranges,
    in increasing order; a limit belongs to the range above it.
    """

    groups: Ordered[Key, list[Scalar]] | None = None
    bands: Annotated[list[FiniteFloat], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        if self.groups is not None and self.bands is not None:
            raise ValueError("expected groups or bands, not both")
        members = [label(value) for values in (self.groups or {}).values() for value in values]
        for name in members:
            if members.count(name) > 1:
                raise ValueError(f"{name!r} is listed twice in the groups")
        if self.bands is not None and sorted(set(self.bands)) != self.bands:
            raise ValueError("expected the bands in increasing order, each once")
        return self


class Segments(Section):
    """Models for the values of one column, such as stores, in addition to the model for all rows.

    A value needs `rows` training rows to get a model of its own. The boosted trees of a value have
    at most `trees` rounds, and at most a fifth as many as the value has rows. In params.yaml, the
    name of the column is enough.
    """

    column: str
    rows: Annotated[int, Field(ge=20)] = 100
    trees: Annotated[int, Field(ge=1, le=1_000)] = 60


def _by_column(given: object) -> object:
    return {"column": given} if isinstance(given, str) else given


class Data(Section):
    """The data and the roles of its columns.

    `file` is a CSV or Parquet file, or a folder of such files with the same columns. `positive` is
    the value of the target that counts as positive in a binary task. `sensitive_inputs` are the
    sensitive columns that the model may nevertheless use. `attributes` are sensitive columns that
    together form one attribute: for each attribute, its columns and the value that a row has in at
    most one of them, such as 1 in `black` or in `hispanic`. `segments` is the column whose values
    get models of their own.
    """

    file: str
    target: str
    positive: Scalar | None = None
    id: str | None = None
    sensitive: Ordered[str, Groups] = Field(default_factory=dict)
    sensitive_inputs: list[str] = Field(default_factory=list)
    attributes: Ordered[Key, Ordered[str, Scalar]] = Field(default_factory=dict)
    segments: Annotated[Segments | None, BeforeValidator(_by_column)] = None

    def comparing(self, names: Collection[str]) -> Data:
        """Return these settings with only some sensitive columns, and the attributes made of
        them.
        """
        sensitive = {name: self.sensitive[name] for name in self.sensitive if name in names}
        attributes = {n: parts for n, parts in self.attributes.items() if set(parts) <= set(names)}
        return self.model_copy(update={"sensitive": sensitive, "attributes": attributes})

    @field_validator("file")
    @classmethod
    def _check_folder(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.parts[:1] != ("data",) or len(path.parts) < 2 or ".." in path.parts:
            raise ValueError("expected a path inside data/, the folder that DVC versions")
        return file
