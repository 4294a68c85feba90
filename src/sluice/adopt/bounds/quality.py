"""Bounds of the data-quality gate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sluice.adopt.bounds.resample import round_outward
from sluice.adopt.profile.margins import NEW_ROWS
from sluice.config import Settings
from sluice.stats.shares import upper_share
from sluice.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

# The largest share of the target that one column may explain, see sluice.check.strength. These are
# constants: a leak must not loosen the bound that should catch it. Legitimate columns explain less
# of a class than of the ranks of numbers: seldom more than 0.7, although a petal's width explains
# 0.9 of the species of an iris. Such a column is left out until a person decides otherwise.
LEAKAGE: dict[Task, float] = {"binary": 0.8, "multiclass": 0.8, "regression": 0.95}


def duplicates_bound(frame: DataFrame, settings: Settings) -> float:
    """Return 1.5 times the observed share of duplicate rows plus 0.01, rounded up, at most 0.99.

    The result is at least the upper end of the share's confidence interval, increased because more
    rows contain a larger share of accidental repeats.
    """
    without_id = [name for name in settings.columns if name != settings.data.id]
    repeats, rows = int(frame.duplicated(without_id).sum()), len(frame)
    by_chance = upper_share(repeats, rows) * (1 + NEW_ROWS)
    largest = max(1.5 * repeats / rows + 0.01, by_chance)
    return min(0.99, math.ceil(largest * 100 - 1e-9) / 100)


def class_share_bound(frame: DataFrame, settings: Settings) -> float | None:
    """Return half the share of the rarest class, rounded down; None for a regression."""
    if settings.task == "regression":
        return None
    half = float(frame[settings.data.target].value_counts(normalize=True).min()) / 2
    return round_outward(half, half, up=False)
