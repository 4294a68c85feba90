"""One text for each category, in training, in requests and in params.yaml."""

from __future__ import annotations

import math
import re

MISSING = ""

_INTEGER = re.compile(r"-?\d+\.0+")
_BOOLEANS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


def label(value: object) -> str:
    """The text which represents a categorical value.

    `2`, `2.0`, `"2.0"` and NumPy's `2` are the same category, and so are `True` and `"TRUE"`.
    A missing value (None or NaN) is represented by the empty text.
    """
    if value is None:
        return MISSING
    item = getattr(value, "item", None)
    plain = item() if item is not None else value
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float) and math.isnan(plain):
        return MISSING
    text = str(plain)
    if _INTEGER.fullmatch(text):
        return text.partition(".")[0]
    return _BOOLEANS.get(text, text)
