"""The words that mean a missing value, in every file and every request."""

from __future__ import annotations

from collections.abc import Container

# The words that pandas, R, SQL and spreadsheets write for a missing value.
WORDS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
_WORDS = frozenset(WORDS)


def is_missing(text: str, declared: Container[str] = ()) -> bool:
    """Whether a text means a missing value in a column.

    declared: the column's values in params.yaml, as `sluice.labels.label` writes them. A word that
    is one of them is that value and not missing; the empty text is always missing.
    """
    return text in _WORDS and (not text or text not in declared)
