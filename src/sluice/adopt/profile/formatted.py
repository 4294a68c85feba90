"""Text columns that people read as numbers: with currency signs, separators or words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import Series

_SPACES = " \u00a0\u2009\u202f"
_SIGN = "[-+\u2212\u2013]?"
_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|TRY|KRW"
_UNIT = (
    rf"(?:[$\u20ac\u00a3\u00a5\u20b9%\u2030]|{_CODES}|[A-Z]{{1,2}}\$|kr\.?|[Kk]|[Mm](?:io|n)?\.?)"
)
_GROUPS = rf"\d{{1,3}}(?:[,.'\u2019{_SPACES}]\d{{2,3}})*[,.'\u2019{_SPACES}]\d{{3}}"
_AMOUNT = rf"(?:{_GROUPS}|\d*)(?:[.,]\d+|(?<=\d)[.,]?)"
_FORMATTED = re.compile(
    rf"{_SIGN}[{_SPACES}]*{_UNIT}?[{_SPACES}]*{_SIGN}{_AMOUNT}[{_SPACES}]*{_UNIT}?-?"
    rf"|{_UNIT}?[{_SPACES}]*\({_UNIT}?[{_SPACES}]*{_AMOUNT}[{_SPACES}]*{_UNIT}?\)",
    re.IGNORECASE,
)
_MOST_WORDS = 0.1
_SHOWN = 20


def advice(column: Series) -> str:
    """Say how to write the texts as numbers; empty if they are not meant as numbers."""
    return _formatted(column) or _with_words(column)


def _formatted(column: Series) -> str:
    """Give an example of numbers with signs or separators; empty if there are none."""
    known = column.dropna().map(str).str.strip()
    formatted = known[~known.str.fullmatch(r"[-+]?\d*\.?\d*")]
    if formatted.empty or not all(_FORMATTED.fullmatch(text) for text in known.unique()):
        return ""
    example = str(formatted.iloc[0])[:_SHOWN]
    return f"it has formatted numbers such as {example!r}; write them like 1234.5 to use them"


def _with_words(column: Series) -> str:
    """Say which words a column of numbers contains; empty if there are none."""
    import pandas as pd

    if column.dtype.kind == "b":
        return ""
    known = column.dropna().map(str)
    words = known[pd.to_numeric(known, errors="coerce").isna()]
    if not 0 < len(words) <= len(known) * _MOST_WORDS or words.str.contains(r"\d").any():
        return ""
    example = str(words.iloc[0])[:_SHOWN]
    return f"it has numbers and words such as {example!r}; leave those cells empty to use it"
