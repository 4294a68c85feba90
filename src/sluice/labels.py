"""One spelling for every categorical value, in training, on the wire and in params.yaml."""

from __future__ import annotations

import math
import re

MISSING = ""

_WHOLE = re.compile(r"-?\d+\.0+")
_TRUTH = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


def label(value: object) -> str:
    """The text that stands for a categorical value.

    `2`, `2.0`, `"2.0"` and NumPy's `2` are one category, as are `True` and
    `"TRUE"`; a missing value (None, NaN) is the empty text.
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
    if _WHOLE.fullmatch(text):
        return text.partition(".")[0]
    return _TRUTH.get(text, text)
