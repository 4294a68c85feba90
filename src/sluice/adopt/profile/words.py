"""Words that may mean a missing value, such as NA: which are values, and which are missing.

A Parquet file distinguishes missing values from texts, so such a word in it is a value. A CSV file
does not: the word is missing, unless it is a frequent class of the target, or the column would have
a single value without it, or `--keep` names it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sluice.adopt.profile.values import is_text
from sluice.adopt.source import Source
from sluice.errors import SluiceError
from sluice.missing import is_missing

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST_CLASSES = 20  # of a target
_FREQUENT = 0.05  # the share of rows from which a word in the target is a class

Keep = Mapping[str, Collection[str]]


def parse_keep(options: Collection[str]) -> dict[str, set[str]]:
    """Return the words to keep by column, from options such as "country=NA"."""
    kept: dict[str, set[str]] = {}
    for option in options:
        name, sign, word = option.rpartition("=")
        if not sign or not name:
            raise SluiceError(
                f"--keep: expected COLUMN=WORD, such as country=NA, but got {option!r}"
            )
        if not word or not is_missing(word):
            raise SluiceError(
                f"--keep: {word!r} does not mean a missing value, so it needs no option"
            )
        kept.setdefault(name, set()).add(word)
    return kept


def without_missing(found: Source, target: str, keep: Keep) -> tuple[DataFrame, dict[str, str]]:
    """Return the table with words for missing values replaced by NA.

    Also returns, by column, a sentence that names the words and how they were treated.
    """
    frame = found.frame.copy()
    remarks = {
        name: _taken(_counts(words), name if name == target and _few(frame[name]) else "")
        for name, words in found.words.items()
    }
    _require_kept(frame, keep)
    for name in frame.columns:
        if not is_text(frame[name]):
            continue
        counts = _counts(frame[name])
        if not counts:
            continue
        kept = _kept(frame[name], counts, keep.get(name, ()), name == target, found.typed)
        missing = {word: rows for word, rows in counts.items() if word not in kept}
        frame[name] = frame[name].mask(frame[name].isin(list(missing)), None)
        parts = [_taken(missing, name), _values(counts, kept, is_target=name == target)]
        remarks[name] = "; ".join(filter(None, parts))
    return frame, remarks


def _require_kept(frame: DataFrame, keep: Keep) -> None:
    for name, words in keep.items():
        if name not in frame:
            raise SluiceError(f"--keep: there is no column {name!r}")
        for word in words:
            if not (frame[name].astype(object) == word).any():
                raise SluiceError(f"--keep: column {name!r} has {word!r} in no row")


def _few(numbers: Series) -> bool:
    """Whether the numbers of a column may be classes, so that a word among them may be a class
    too.
    """
    return int(numbers.nunique()) < MOST_CLASSES


def _counts(column: Series) -> dict[str, int]:
    """Return the rows of each word that may mean a missing value."""
    counts = column.value_counts()
    return {str(text): int(rows) for text, rows in counts.items() if is_missing(str(text))}


def _kept(
    column: Series, counts: dict[str, int], asked: Collection[str], is_target: bool, typed: bool
) -> set[str]:
    if typed:
        return set(counts)
    kept = set(asked)
    if is_target:
        least = _FREQUENT * len(column)
        kept |= {word for word, rows in counts.items() if rows >= least}
    others = set(column.dropna().unique()) - set(counts)
    if not kept and len(others) == 1:  # such as "garden" or "None"
        kept.add(max(counts, key=lambda word: counts[word]))
    return kept


def _taken(missing: dict[str, int], column: str) -> str:
    """Name the words that are missing, and how to keep one; `column` is empty if none can be."""
    if not missing:
        return ""
    words = _list(missing)
    advice = ""
    if column:
        advice = (
            f" (to keep it as a value, adopt with --keep {f'{column}={next(iter(missing))}'!r})"
        )
    return f"{words} treated as missing{advice}"


def _values(counts: dict[str, int], kept: set[str], *, is_target: bool) -> str:
    words = {word: rows for word, rows in counts.items() if word in kept}
    return f"{_list(words)} kept as a {'class' if is_target else 'value'}" if words else ""


def _list(words: dict[str, int]) -> str:
    shown = " and ".join(f"{word!r} (rows: {rows:,})" for word, rows in words.items())
    return f"{shown} {'is' if len(words) == 1 else 'are each'}"
