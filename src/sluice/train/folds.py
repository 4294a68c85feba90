"""Training rows that are set aside to choose the parameters of a candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice import table
from sluice.config import Settings
from sluice.train import instants
from sluice.train.split import PARTS, assign

if TYPE_CHECKING:
    from pandas import DataFrame

_SHARE = 0.25
_ENOUGH = 4_000  # rows to set aside in total, in as many folds as necessary


def folds(rows: DataFrame, settings: Settings) -> list[NDArray[np.bool_]]:
    """Masks of the rows of each fold, each about a quarter of `rows`, a typed table.

    The rows are divided like the parts of the split: rows of one group stay together, and in a
    split by time there is one fold with the newest rows. A class whose rows are all in one fold is
    not set aside.
    """
    if settings.split.by_time is None:
        found = _by_hash(rows, settings)
    else:
        times = instants.newest(rows, settings.split)
        found = [times > np.quantile(times, 1 - _SHARE)]
    if settings.task != "regression":
        truth = table.truth(rows, settings)
        found = [fold & np.isin(truth, truth[~fold]) for fold in found]
    return [fold for fold in found if fold.any() and not fold.all()]


def _by_hash(rows: DataFrame, settings: Settings) -> list[NDArray[np.bool_]]:
    shares = dict.fromkeys(("holdout", "validation", "latest"), _SHARE)
    inner = settings.split.model_copy(update={"salt": f"{settings.split.salt} folds", **shares})
    part = assign(rows, inner, settings.data.id)
    return [part == name for name in PARTS[: max(1, _ENOUGH // len(rows))]]
