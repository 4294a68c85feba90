"""Which columns of a CSV file are numbers: those whose texts convert without loss."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.adopt.source.columns import LARGEST_EXACT, integers_if_whole
from sluice.missing import WORDS

if TYPE_CHECKING:
    from pandas import Series

# Columns with more distinct texts than a category may have levels are numbers anyway.
_MOST_SPELLINGS = 50

_NUMBER = re.compile(
    r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?inf(inity)?", re.IGNORECASE | re.ASCII
)
_LEADING_ZERO = r"[-+]?0\d.*"
_PLUS = r"\+.*"
_BARE_EXPONENT = r"-?\d+[eE]\d+"  # programs write 1.5e10, 1e+10 or 1e-05
_LONG = r"[-+]?\d{16,}"
_FRACTION = re.compile(r"\.(\d+)$")


@dataclass(frozen=True)
class Typed:
    """A column as numbers or as text.

    words: those that were treated as missing, by row, if the column is numeric.
    """

    values: Series
    remark: str = ""
    words: Series | None = None


def is_plain_number(text: str) -> bool:
    """Whether a text is a number as programs write it, without separators or units."""
    return _NUMBER.fullmatch(text.strip()) is not None


def as_numbers(column: Series, keep: Collection[str]) -> Typed:
    """Return a column of texts as numbers if each text is one and none loses information.

    Words for missing values count as missing, except those that are to be kept.
    """
    import pandas as pd

    known = column.dropna()
    is_word = known.isin([word for word in WORDS if word not in keep])
    texts = known[~is_word].str.strip()
    numbers = pd.to_numeric(texts, errors="coerce")
    if texts.empty or numbers.isna().any():
        return Typed(column)
    spellings = pd.Series(texts.unique(), dtype="str")
    alike = _alike(spellings) if numbers.nunique() < len(spellings) else []
    if reason := _reason_for_text(spellings, alike):
        return Typed(column, f"{reason}, so its values are treated as texts and not as numbers")
    remark = f"{alike[0]!r} and {alike[1]!r} are read as the same number" if alike else ""
    words = known[is_word] if is_word.any() else None
    return Typed(integers_if_whole(numbers.reindex(column.index)), remark, words)


def _reason_for_text(spellings: Series, alike: list[str]) -> str:
    """Say why the texts are codes and not numbers; empty if they are numbers."""
    fractions = spellings.str.contains(".", regex=False).any()
    losses = {
        "would lose its zeros": _first(_LEADING_ZERO, spellings),
        "would lose its sign": _first(_PLUS, spellings),
        "would lose its exponent": "" if fractions else _first(_BARE_EXPONENT, spellings),
        "has too many digits to be exact": _too_long(spellings),
    }
    if len(spellings) <= _MOST_SPELLINGS:
        losses["would lose its last zero"] = _trailing_zero(spellings)
        if alike:
            return f"{alike[0]!r} and {alike[1]!r} would be the same number"
    return next((f"{code!r} {loss} as a number" for loss, code in losses.items() if code), "")


def _first(pattern: str, spellings: Series) -> str:
    return min(spellings[spellings.str.fullmatch(pattern)], default="")


def _too_long(spellings: Series) -> str:
    long = spellings[spellings.str.fullmatch(_LONG)]
    return min((text for text in long if abs(int(text)) >= LARGEST_EXACT), default="")


def _alike(spellings: Series) -> list[str]:
    """Return two spellings of the same number; an empty list if there are none."""
    seen: dict[float, str] = {}
    for text in sorted(spellings):
        number = float(text)
        other = seen.setdefault(number, text)
        if other != text and number:  # programs write both 0.0 and -0.0
            return [other, text]
    return []


def _trailing_zero(spellings: Series) -> str:
    """Return a text such as 1.10 if others have fewer decimals; no program writes numbers like
    that.
    """
    fractions = {text: found[1] for text in spellings if (found := _FRACTION.search(text))}
    if len(set(map(len, fractions.values()))) < 2:
        return ""
    ends = [text for text, part in fractions.items() if len(part) > 1 and part.endswith("0")]
    return min(ends, default="")
