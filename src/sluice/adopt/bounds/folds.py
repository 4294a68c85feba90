"""Divide the rows for cross-validation by the same rule as the build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.metrics import Floats, Ints
from sluice.stats.bootstrap import Clusters
from sluice.train import instants

if TYPE_CHECKING:
    from pandas import DataFrame

_FOLDS = 3  # two thirds of these rows are about as many as the train part contains

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def folds(rows: DataFrame, truth: Floats | Ints, settings: Settings) -> list[Fold]:
    """The rows to fit on and the rows to predict, for each fold of a typed table.

    truth: [n] the target. In a split by time, each fold predicts rows that are newer than those
    it is fitted on, so the oldest rows are never predicted. Raises SluiceError if no fold has
    every class to fit on.
    """
    if settings.split.by_time is not None:
        made = _forward(instants.newest(rows, settings.split))
    else:
        made = _shuffled(truth, together(rows, settings), settings)
    if settings.task == "regression":
        return made
    classes = np.unique(truth)
    complete = [fold for fold in made if len(np.unique(truth[fold[0]])) == len(classes)]
    if not complete:
        raise SluiceError(
            f"too few rows of some class of {settings.data.target!r} to try the candidates on: "
            f"{more_rows(settings)}"
        )
    return complete


def more_rows(settings: Settings) -> str:
    """What to do about a rare class; of two classes, none can be combined with another one."""
    add = "add rows of this class"
    return add if settings.task == "binary" else f"{add}, or combine it with another one"


def together(rows: DataFrame, settings: Settings) -> Clusters | None:
    """For each row, the number of its group of rows that share a part of the split; shape [n].

    Rows share a part if they are of one group or, if there is neither a group nor an id, if they
    are equal. None if the rows are independent.
    """
    import pandas as pd

    group = settings.split.group_column
    if group is not None:
        return pd.factorize(rows[group])[0].astype(np.intp)
    if settings.data.id is not None or not rows.duplicated().any():
        return None
    return np.asarray(rows.groupby(list(rows.columns), dropna=False).ngroup(), np.intp)


def sample(rows: DataFrame, most: int, settings: Settings) -> DataFrame:
    """About `most` randomly chosen rows, with all rows of each group that is chosen."""
    if len(rows) <= most:
        return rows
    group = settings.split.group_column
    if group is None:
        return rows.sample(most, random_state=settings.seed)
    groups = rows[group].drop_duplicates()
    chosen = groups.sample(frac=most / len(rows), random_state=settings.seed)
    return rows[rows[group].isin(chosen)]


def _forward(times: Floats) -> list[Fold]:
    """Fit on the earlier periods and predict the next one; rows with equal times stay together."""
    _, place, count = np.unique(times, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - count / 2) / count.sum()
    part = np.minimum((middle * (_FOLDS + 1)).astype(np.intp), _FOLDS)[place]
    made = [(np.flatnonzero(part < k), np.flatnonzero(part == k)) for k in range(1, _FOLDS + 1)]
    return [(seen, unseen) for seen, unseen in made if len(seen) and len(unseen)]


def _shuffled(truth: Floats | Ints, groups: Clusters | None, settings: Settings) -> list[Fold]:
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    if settings.task == "regression":
        splitter = KFold if groups is None else GroupKFold
    else:
        splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    made = splitter(_FOLDS, shuffle=True, random_state=settings.seed)
    return list(made.split(np.zeros((len(truth), 1)), truth, groups))
