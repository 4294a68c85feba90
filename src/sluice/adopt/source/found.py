"""What was read from a file, and what was done to read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Source:
    """A table and what a person should know of how its file was understood.

    notes: sentences about the file. remarks: by column, how its values were understood. words: by
    column of numbers, the rows of each word that was taken for a missing value. typed: the file
    tells missing values from texts, so a word such as NA in it is a text. index: the columns that
    are the index of the table in pandas. derived: the columns that were derived from dates.
    """

    frame: DataFrame
    notes: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    typed: bool = False
    index: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
