"""How well one column alone tells the target: what knows the answer was made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice.check.baselines import column_codes, column_tree, scores_of
from sluice.config import Settings
from sluice.metrics import METRICS, Predictions

if TYPE_CHECKING:
    from pandas import DataFrame

_ROWS = 10_000


def power(frame: DataFrame, truth: np.ndarray, settings: Settings, column: str) -> float:
    """ROC AUC (classes) or R² (numbers) of a small tree on one column, on rows it has not seen.

    frame: a typed table; truth: [n] as in sluice.metrics.Predictions. NaN where undefined.
    """
    order = np.random.default_rng(settings.seed).permutation(len(frame))[:_ROWS]
    fitted, held = np.array_split(order, 2)
    tree = column_tree(settings.task).fit(
        column_codes(frame.iloc[fitted], frame.iloc[fitted], column), truth[fitted]
    )
    codes = column_codes(frame.iloc[fitted], frame.iloc[held], column)
    scores = scores_of(tree, settings.task, codes, len(settings.classes))
    outcome = Predictions(
        settings.task, truth[held], scores, truth[held], {}, tuple(settings.classes)
    )
    metric = "r2" if settings.task == "regression" else "roc_auc"
    return METRICS[metric].compute(outcome)
