"""Columns without a name: the numbers or names of rows that pandas and R write, and blank ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def without_unnamed(
    file: Path, names: list[str], texts: DataFrame
) -> tuple[list[str], DataFrame, list[str]]:
    """Return the named columns and their cells, and a note for each column that was left out.

    Raises SluiceError if a column without a name has values that are not those of an index.
    """
    kept, notes = list(range(len(names))), list[str]()
    for place, name in enumerate(names):
        if name.strip():
            continue
        column = texts[place]
        if column.isna().all():
            kept.remove(place)
            notes.append(f"column {place + 1}, which has no name and no values, was left out")
        elif place == 0 and len(names) > 1 and _is_index(column):
            kept.remove(place)
            notes.append(
                f"the first column, which has no name and only numbers or names the rows "
                f"({column.iloc[0]!r}, {column.iloc[-1]!r}), was left out"
            )
        else:
            raise SluiceError(
                f"{file}: column {place + 1} has no name; its values, such as "
                f"{column.dropna().iloc[0]!r}, are more than row numbers or row names, so name "
                "the column in the header"
            )
    frame = texts[kept].rename(columns={place: now for now, place in enumerate(kept)})
    return [names[place] for place in kept], frame, notes


def _is_index(column: Series) -> bool:
    """Whether the values are whole numbers, or are different in every row."""
    if column.isna().any():
        return False
    return bool(column.str.fullmatch(r"\d+").all()) or not column.duplicated().any()
