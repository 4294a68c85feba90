"""The usual range of a package's scores, from its recorded holdout rows."""

from __future__ import annotations

import numpy as np

from sluice.metrics import Floats
from sluice.scenario import Book, Recorded
from sluice.task import Task

# The recorded rows are a sample: the range of all scores is wider than theirs.
_WIDER = 0.25
_NEVER = 1e-9  # a probability of 0 or 1 has no log-odds


def score_range(book: Book, task: Task) -> tuple[float, float] | None:
    """The lowest and the highest expected score; None if the package has no recorded scores.

    For several classes the score is the highest probability. The range of the recorded scores is
    widened by a quarter on both sides, for probabilities on the scale of their log-odds.
    """
    recorded = [scenario for scenario in book.scenarios if isinstance(scenario, Recorded)]
    scores = np.array([max(row) for scenario in recorded for row in scenario.scores])
    if not len(scores):
        return None
    if task == "regression":
        return _widened(scores)
    odds = np.clip(scores, _NEVER, 1 - _NEVER)
    low, high = _widened(np.log(odds / (1 - odds)))
    return float(1 / (1 + np.exp(-low))), float(1 / (1 + np.exp(-high)))


def is_unusual(values: Floats, expected: tuple[float, float]) -> bool:
    """Whether any of the scores [n] or [n, classes] is outside the range."""
    highest = values if values.ndim == 1 else values.max(axis=1)
    return bool(((highest < expected[0]) | (highest > expected[1])).any())


def _widened(scores: Floats) -> tuple[float, float]:
    low, high = float(scores.min()), float(scores.max())
    more = _WIDER * (high - low)
    return low - more, high + more
