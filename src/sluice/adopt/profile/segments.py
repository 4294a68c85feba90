"""The column whose values get models of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice import table
from sluice.adopt.profile import ColumnProfile, TableProfile
from sluice.adopt.profile.margins import allowed_missing, mostly_known
from sluice.config.data import Segments
from sluice.errors import SluiceError
from sluice.labels import MISSING

if TYPE_CHECKING:
    from pandas import Series

_FEWEST = 2  # segments with enough rows
_TRAINED = 0.5  # about this share of the rows is for training


def trained_rows(column: Series) -> tuple[int, ...]:
    """About how many training rows each value has."""
    counts = table.labels(column).value_counts()
    rows = (counts[counts.index != MISSING] * _TRAINED).round().astype(int)
    return tuple(rows.tolist())


def profile_segments(column: Series) -> ColumnProfile:
    """The profile of the column of segments. Raises SluiceError if its values cannot be segments.

    For a model of its own, a value needs as many training rows as the default of `Segments.rows`
    says.
    """
    name = str(column.name)
    counts = table.labels(column).value_counts()
    counts = counts[counts.index != MISSING]
    if len(counts) < _FEWEST:
        raise SluiceError(
            f"--segments: column {name!r} has {len(counts)} value, which is one segment at most: "
            "name another column, or leave the option out"
        )
    least = Segments(column=name).rows
    needed = round(least / _TRAINED)
    enough = int((counts >= needed).sum())
    if enough < _FEWEST:
        hint = "it seems to be an id, so name" if counts.max() < needed / 10 else "name"
        raise SluiceError(
            f"--segments: {enough} of the {len(counts):,} values of column {name!r} have the "
            f"{needed} rows that a model needs; the largest has {counts.max():,}; {hint} a column "
            "of fewer values, or leave the option out"
        )
    remark = (
        f"{enough:,} of its {len(counts):,} values have enough rows for a model of their own; the "
        "model for all rows serves the others"
    )
    missing, mostly = allowed_missing(column), mostly_known(column)
    return ColumnProfile(name, "category", missing=missing, mostly=mostly, remark=remark)


def require_no_leak(profile: TableProfile, suspects: Mapping[str, str]) -> None:
    """Raise SluiceError if the column of segments is one of the columns to leave out."""
    name = profile.segments
    if name is not None and name in suspects:
        raise SluiceError(
            f"--segments: column {name!r} cannot be used: {suspects[name]}; name another column, "
            "or add --keep-suspects"
        )
