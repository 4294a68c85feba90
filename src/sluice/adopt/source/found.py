"""What was read from a file, and what was done to read it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame, Series


@dataclass(frozen=True)
class Source:
    """A table, and what a person should know about how its file was read.

    notes: sentences about the file. remarks: for each column, how its values were understood.
    words: for each column of numbers, the words that were treated as missing values, with the index
    of their rows in `frame`. typed: the file distinguishes missing values from texts, so a word
    such as NA in it is a text. index: the columns that are the index of the table in pandas.
    derived: the columns that were derived from dates.
    """

    frame: DataFrame
    notes: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)
    words: dict[str, Series] = field(default_factory=dict)
    typed: bool = False
    index: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()

    def without(self, gone: Series) -> Source:
        """Return the source without some rows. gone: [n] whether to leave a row out."""
        frame = self.frame[~gone.to_numpy()]
        words = {name: each[each.index.isin(frame.index)] for name, each in self.words.items()}
        return replace(self, frame=frame.reset_index(drop=True), words=words)
