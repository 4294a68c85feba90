"""Bounds of the data-quality gate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sluice import table
from sluice.adopt.bounds.resample import round_outward
from sluice.config import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

# A column that predicts the target better than this on its own is called a leak.
_LEAK = 0.999
_LEAST_LEAKAGE = 0.95


def duplicates_bound(frame: DataFrame, settings: Settings) -> float:
    """Return 1.5 times the observed share of duplicate rows plus 0.01, rounded up."""
    without_id = [name for name in settings.columns if name != settings.data.id]
    observed = float(frame.duplicated(without_id).mean())
    return min(1.0, math.ceil((observed * 1.5 + 0.01) * 100) / 100)


def class_share_bound(frame: DataFrame, settings: Settings) -> float | None:
    """Return half the share of the rarest class, rounded down; None for a regression."""
    if settings.task == "regression":
        return None
    half = float(frame[settings.data.target].value_counts(normalize=True).min()) / 2
    return round_outward(half, half, up=False)


def leakage_bound(frame: DataFrame, settings: Settings) -> tuple[float, tuple[str, ...]]:
    """Return a bound above what the columns reach, and the columns that are leaks.

    The bound is half-way between the most predictive column and a perfect prediction, but a
    leak does not raise it.
    """
    from sluice.check.leakage import power

    truth = table.truth(frame, settings)
    powers = {name: power(frame, truth, settings, name) for name in settings.features}
    leaks = tuple(name for name, value in powers.items() if value > _LEAK)
    others = [v for name, v in powers.items() if math.isfinite(v) and name not in leaks]
    most = max(others, default=0.0)
    half_way = math.ceil((most + (1 - most) / 2) * 1000) / 1000
    return max(_LEAST_LEAKAGE, min(_LEAK, half_way)), leaks
