"""Confidence intervals of a share of rows."""

from __future__ import annotations

_CONFIDENCE = 0.975


def upper_share(count: int, rows: int) -> float:
    """Return the upper end of the 95 % confidence interval of a share of rows.

    Clopper and Pearson (1934).
    """
    from scipy.stats import beta

    return float(beta.ppf(_CONFIDENCE, count + 1, rows - count)) if count < rows else 1.0
