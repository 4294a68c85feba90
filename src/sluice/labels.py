"""The same text for each category in training, in requests and in params.yaml."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from sluice.missing import is_missing

MISSING = ""

_WHOLE = re.compile(r"(-?\d+)\.0+")
_BOOLEANS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


def label(value: object) -> str:
    """The text that represents a value; a text represents itself.

    A number is written without decimals if it is whole, so `2` and `2.0` have the same label. A
    missing value (None or NaN) is represented by the empty text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return MISSING
    item = getattr(value, "item", None)  # NumPy's scalars
    plain = item() if item is not None else value
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, Decimal):
        plain = int(plain) if plain == plain.to_integral_value() else float(plain)
    if isinstance(plain, float):
        if math.isnan(plain):
            return MISSING
        if plain.is_integer():
            return str(int(plain))
    return str(plain)


class Levels:
    """Recognises the values of a category by the declared ones.

    A text that equals a declared value is that value. Among other values, a word for a missing
    value is missing, and `2`, `"2"` and `"2.0"` are the same value, as are `True` and `"TRUE"`.

    declared: the values as `label` writes them.
    """

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self._declared = frozenset(declared)
        self._known = {text: text for text in self._declared}
        alike = defaultdict(list)
        for text in self._declared:
            alike[_folded(text)].append(text)
        # If several declared values are spellings of one number, other spellings match none of
        # them.
        for folded, texts in alike.items():
            if len(texts) == 1:
                self._known.setdefault(folded, texts[0])

    def of(self, value: object) -> str:
        """The declared value that `value` equals, the empty text if it is missing, or else its
        label.
        """
        text = label(value)
        found = self._known.get(text)
        if found is not None:
            return found
        if is_missing(text):
            return MISSING
        folded = _folded(text)
        return self._known.get(folded, folded)


def _folded(text: str) -> str:
    """One text for all usual spellings of a whole number or of a truth value."""
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return _BOOLEANS.get(text, text)
    return "0" if whole[1] == "-0" else whole[1]
