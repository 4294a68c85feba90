"""Facts about the values of one column."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal

from sluice import table
from sluice.config import Scalar
from sluice.labels import MISSING, label

if TYPE_CHECKING:
    from pandas import Series

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d*)")
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|UTC|[-+]\d{2}:?\d{2})?)?"
)


def is_number(column: Series) -> bool:
    return column.dtype.kind in "iuf"


def is_date(column: Series) -> bool:
    """Whether every known value is a date, as a date type or as text."""
    if column.dtype.kind in "Mm":
        return True
    known = column.dropna()
    if is_number(column) or known.empty:
        return False
    return all(_DATE.fullmatch(text.strip()) for text in known.map(str).unique())


def number_type(column: Series) -> Literal["integer", "number"]:
    return "integer" if column.dtype.kind in "iu" else "number"


def known_labels(column: Series) -> list[str]:
    """Return the distinct labels of a column: whole numbers in order, then texts in order."""
    found = set(table.labels(column)) - {MISSING}
    return sorted(found, key=_label_order)


def _label_order(text: str) -> tuple[bool, int, str]:
    whole = _WHOLE_NUMBER.fullmatch(text)
    return not whole, int(text) if whole else 0, text


def as_scalar(text: str) -> Scalar:
    """Return a label in the type that YAML would give it: 1, true or a text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _WHOLE_NUMBER.fullmatch(text) and label(int(text)) == text else text


def allowed_missing(column: Series) -> float:
    """Return the share of missing values to allow: 1.5 times the observed share plus 0.01."""
    observed = float(column.isna().mean())
    return min(1.0, math.ceil((observed * 1.5 + 0.01) * 100) / 100) if observed else 0.0


def widened_range(column: Series) -> tuple[float | int, float | int]:
    """Return the observed range of a number, a tenth wider at either end but not across zero."""
    low, high = float(column.min()), float(column.max())
    margin = (high - low) / 10
    wide_low = max(low - margin, 0.0) if low >= 0 else low - margin
    wide_high = min(high + margin, 0.0) if high <= 0 else high + margin
    if number_type(column) == "integer":
        return math.floor(wide_low), math.ceil(wide_high)
    step = 10.0 ** (math.floor(math.log10(margin)) - 1)
    return rounded(math.floor(wide_low / step) * step), rounded(math.ceil(wide_high / step) * step)


def rounded(value: float) -> float:
    """Remove the last digits, which are rounding errors of float arithmetic."""
    return float(f"{value:.12g}")
