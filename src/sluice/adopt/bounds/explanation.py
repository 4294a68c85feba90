"""The column with the largest influence, for the bound of the explanation gate."""

from __future__ import annotations

import numpy as np

from sluice.adopt.bounds.trial import Trial
from sluice.config import Settings

_ROWS = 1000


def largest_influence(trial: Trial, settings: Settings) -> tuple[str, float]:
    """Return the column with the largest permutation importance, and its share of the total.

    The importance is the mean change of the score when the column's values are shuffled
    (Breiman, 2001).
    """
    from sluice.train.scores import predict

    random = np.random.default_rng(settings.seed)
    rows = trial.unseen.iloc[:_ROWS].reset_index(drop=True)
    original = predict(trial.pipeline, settings, rows)
    changes = {}
    for name in rows.columns:
        shuffled = rows.copy()
        shuffled[name] = rows[name].to_numpy()[random.permutation(len(rows))]
        scores = predict(trial.pipeline, settings, shuffled)
        changes[name] = float(np.abs(scores - original).mean())
    largest = max(changes, key=lambda name: changes[name])
    total = sum(changes.values())
    return largest, changes[largest] / total if total else 1.0
