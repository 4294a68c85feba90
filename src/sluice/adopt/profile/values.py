"""Facts about the values of one column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from sluice import dates, spelling, table
from sluice.config import Scalar
from sluice.labels import MISSING, label

if TYPE_CHECKING:
    from pandas import Series

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d*)")


def is_number(column: Series) -> bool:
    return column.dtype.kind in "iuf"


def is_text(column: Series) -> bool:
    """Whether the values are texts, and not numbers, truth values or dates."""
    return column.dtype.kind not in "biufmM"


def is_date(column: Series) -> bool:
    """Whether the values are dates, as a date type, as text or as numbers such as 20240131."""
    return column.dtype.kind in "Mm" or dates.read(column) is not None


def date_remark(column: Series) -> str:
    """Say that the column has dates, and what is uncertain about them; empty if it has none."""
    found = dates.read(column)
    if found is None:
        return ""
    example = str(column.dropna().iloc[0])
    remark = "it is a date"
    if found.ambiguous:
        remark += f" (no value shows whether {example!r} is written {found.order} or day first)"
    elif found.order is not None:
        remark += f" (written {found.order}, such as {example!r})"
    if found.unread:
        remark += f" (except for values such as {found.unread!r})"
    return remark


def nearly_equal(labels: list[str]) -> str:
    """Say which two of the labels look the same to a reader; empty if none do."""
    seen: dict[str, str] = {}
    for text in labels:
        other = seen.setdefault(spelling.fold(text), text)
        if other != text:
            how = spelling.difference(text, other)
            return f"{other!r} and {text!r} differ only {how}"
    return ""


def number_type(column: Series) -> Literal["integer", "number"]:
    """The type of a numeric column in params.yaml."""
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


def rounded(value: float) -> float:
    """Remove the last digits, which are rounding errors of float arithmetic."""
    return float(f"{value:.12g}")
