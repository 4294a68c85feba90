"""Which columns a run reads, and which it writes to the output and to the quarantine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from sluice.errors import SluiceError
from sluice.model import Signature
from sluice.spelling import difference


@dataclass(frozen=True)
class ColumnPlan:
    """The columns of an input that fits a signature.

    columns: the input's schema. carried: the columns that the output repeats. parsed: whether
    numbers arrive as text, as in CSV, which has no types.
    """

    signature: Signature
    columns: pa.Schema
    carried: tuple[str, ...]
    parsed: bool

    @property
    def score_names(self) -> list[str]:
        """The score columns of the output: one, or one for each class."""
        if self.signature.task == "multiclass":
            return [self.own(f"score.{name}") for name in self.signature.classes]
        return [self.own("score")]

    @property
    def scored(self) -> pa.Schema:
        """The schema of scored rows: carried columns, scores, and the decision if there is one.

        With segments, the last column has the segment whose model gave the score, or null.
        """
        carried = [self.columns.field(name).remove_metadata() for name in self.carried]
        scores = [pa.field(name, pa.float64(), nullable=False) for name in self.score_names]
        decision = [pa.field(self.own("decision"), pa.string(), nullable=False)]
        segment = [pa.field(self.own("segment"), pa.string())]
        return pa.schema(
            carried
            + scores
            + (decision if self.signature.classes else [])
            + (segment if self.signature.segment is not None else [])
        )

    @property
    def refused(self) -> pa.Schema:
        """The schema of refused rows: the input's columns, the faulty column, the problem."""
        inputs = [pa.field(field.name, field.type) for field in self.columns]
        column = pa.field(self.own("column"), pa.string())
        return pa.schema([*inputs, column, pa.field(self.own("problem"), pa.string())])

    def own(self, name: str) -> str:
        """The name of an added column, with underscores appended if the input has that name."""
        while name in self.columns.names:
            name += "_"
        return name


def plan_columns(
    signature: Signature, columns: pa.Schema, keep: Sequence[str], where: str, *, parsed: bool
) -> ColumnPlan:
    """Compare an input's columns with the signature.

    keep: columns to carry over to the output. where: names the input in messages.
    Raises SluiceError for columns that are missing, unexpected, doubled or of a wrong type.
    """
    names = columns.names
    for name in names:
        if names.count(name) > 1:
            raise SluiceError(f"{where}: column {name!r} occurs twice")
    for name in keep:
        if name not in names:
            raise SluiceError(f"{where}: --keep: {missing(name, names)}")
    for column in signature.inputs:
        if column.name not in names:
            raise SluiceError(f"{where}: {missing(column.name, names)}")
        _refuse_unless_scalar(columns.field(column.name), where)
    known = {column.name for column in signature.inputs}
    carried = tuple(name for name in names if name == signature.id or name in keep)
    for name in names:
        if name not in known and name not in carried:
            raise SluiceError(
                f"{where}: column {name!r} is not an input of this model; "
                f"pass --keep {shlex.quote(name)} to copy it to the output"
            )
    return ColumnPlan(signature, columns.remove_metadata(), carried, parsed)


def missing(name: str, found: Sequence[str]) -> str:
    """The message for a missing column, with the name of a similar one if there is one."""
    for other in found:
        if how := difference(name, other):
            return f"column {name!r} is missing; there is {other!r}, which differs only {how}"
    return f"column {name!r} is missing"


def _refuse_unless_scalar(field: pa.Field, where: str) -> None:
    type_ = value_type(field.type)
    fits = (
        pa.types.is_boolean(type_)
        or pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_decimal(type_)
        or pa.types.is_null(type_)
        or is_text(type_)
    )
    if not fits:
        raise SluiceError(
            f"{where}: column {field.name!r} has type {field.type}, expected numbers or text"
        )


def value_type(type_: pa.DataType) -> pa.DataType:
    """The type of a column's values, even if the column is dictionary-encoded."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def is_text(type_: pa.DataType) -> bool:
    """Whether a type is one of Arrow's three string types."""
    return (
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string_view(type_)
    )
