"""Which columns come in, and which go out to the scores and to the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from sluice.errors import SluiceError
from sluice.model import Signature


@dataclass(frozen=True)
class ColumnPlan:
    """The columns of the input that a signature has been held against.

    carried: those that the output repeats. parsed: numbers come as text, from
    CSV, which knows no types.
    """

    signature: Signature
    columns: pa.Schema
    carried: tuple[str, ...]
    parsed: bool

    @property
    def score_names(self) -> list[str]:
        if self.signature.task == "multiclass":
            return [self.own(f"score.{name}") for name in self.signature.classes]
        return [self.own("score")]

    @property
    def scored(self) -> pa.Schema:
        carried = [self.columns.field(name).remove_metadata() for name in self.carried]
        scores = [pa.field(name, pa.float64(), nullable=False) for name in self.score_names]
        decision = [pa.field(self.own("decision"), pa.string(), nullable=False)]
        return pa.schema(carried + scores + (decision if self.signature.classes else []))

    @property
    def refused(self) -> pa.Schema:
        held = [pa.field(field.name, field.type) for field in self.columns]
        column = pa.field(self.own("column"), pa.string())
        return pa.schema([*held, column, pa.field(self.own("problem"), pa.string())])

    def own(self, name: str) -> str:
        """Our name for a column, out of the way of the input's names."""
        while name in self.columns.names:
            name += "_"
        return name


def plan_columns(
    signature: Signature, columns: pa.Schema, keep: Sequence[str], where: str, *, parsed: bool
) -> ColumnPlan:
    """Raises SluiceError for columns that are missing, surplus or of an unfit type."""
    names = columns.names
    for name in names:
        if names.count(name) > 1:
            raise SluiceError(f"{where}: column {name!r} is there twice")
    for name in keep:
        if name not in names:
            raise SluiceError(f"{where}: there is no column {name!r} to keep")
    for column in signature.inputs:
        if column.name not in names:
            raise SluiceError(f"{where}: column {column.name!r} is missing")
        _refuse_unless_scalar(columns.field(column.name), where)
    known = {column.name for column in signature.inputs}
    carried = tuple(name for name in names if name == signature.id or name in keep)
    for name in names:
        if name not in known and name not in carried:
            raise SluiceError(
                f"{where}: column {name!r} is not an input of this model; "
                f"--keep {name} carries it over to the output"
            )
    return ColumnPlan(signature, columns.remove_metadata(), carried, parsed)


def _refuse_unless_scalar(field: pa.Field, where: str) -> None:
    held = plain(field.type)
    fits = (
        pa.types.is_boolean(held)
        or pa.types.is_integer(held)
        or pa.types.is_floating(held)
        or pa.types.is_decimal(held)
        or pa.types.is_null(held)
        or is_text(held)
    )
    if not fits:
        raise SluiceError(
            f"{where}: column {field.name!r} holds {field.type}, expected numbers or text"
        )


def plain(held: pa.DataType) -> pa.DataType:
    """The type of the values, whether a dictionary spells them or not."""
    return held.value_type if pa.types.is_dictionary(held) else held


def is_text(held: pa.DataType) -> bool:
    return (
        pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held)
    )
