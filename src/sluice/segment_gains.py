"""Which segments use their own models: those whose models are better than the one for all rows.

Each segment has few rows, and there are many segments: judged separately, many good models would be
refused and many bad ones kept. So the estimates of all segments are combined (empirical Bayes), and
the false discovery rate of the refusals is controlled (Benjamini and Hochberg).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np

from sluice.metrics import Floats, Ints
from sluice.stats.shrinkage import shrunken
from sluice.stats.two_sample import rejected
from sluice.task import Task

_LEAST_ROWS = 10  # with fewer rows, the variance of their losses is unknown
_FALSE_DISCOVERIES = 0.05
_SURE = 0.9
_SMALLEST = 1e-15  # a probability of 0 would make the log loss infinite

Status = Literal["pass", "fail", "insufficient"]


class SegmentGain(msgspec.Struct, frozen=True):
    """The gain of a segment's model over the model for all rows, on rows not used to train it.

    gain: the decrease of the mean loss (log loss, or squared error). error: its standard error.
    worse: the probability that the segment's model is worse, given all segments.
    """

    name: str
    rows: int
    status: Status
    gain: float | None = None
    error: float | None = None
    worse: float | None = None


def losses(task: Task, truth: Floats | Ints, scores: Floats) -> Floats:
    """[n] the loss of each row's scores: the log loss, or the squared error."""
    if task == "regression":
        return (scores - truth) ** 2
    if task == "multiclass":
        chosen = scores[np.arange(len(truth)), truth]
    else:
        chosen = np.where(truth == 1, scores, 1 - scores)
    return -np.log(np.maximum(chosen, _SMALLEST))


def gains(
    names: Sequence[str], labels: Iterable[str], own: Floats, rest: Floats
) -> list[SegmentGain]:
    """Judge the models of the segments `names`, in their order.

    labels: [n] the segment of each row. own, rest: [n] the losses of the model of the row's segment
    and of the model for all rows.
    """
    place = {name: at for at, name in enumerate(names)}
    at = np.array([place.get(label, -1) for label in labels], np.int64)
    inside = at >= 0
    at, gained = at[inside], (rest - own)[inside]
    rows = np.bincount(at, minlength=len(names))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(at, gained, len(names)) / rows
        squares = np.bincount(at, (gained - mean[at]) ** 2, len(names))
        error = np.sqrt(squares / (rows - 1) / rows)
    enough = (rows >= _LEAST_ROWS) & (error > 0)
    found = [SegmentGain(name, int(n), "insufficient") for name, n in zip(names, rows, strict=True)]
    if not enough.any():
        return found
    judged = _judged(mean[enough], error[enough], rows[enough])
    for index, (status, worse) in zip(np.flatnonzero(enough).tolist(), judged, strict=True):
        numbers = [float(f"{value:.6g}") for value in (mean[index], error[index], worse)]
        found[index] = SegmentGain(names[index], int(rows[index]), status, *numbers)
    return found


def _judged(gain: Floats, error: Floats, rows: Ints) -> list[tuple[Status, float]]:
    from scipy.stats import norm, t

    center, deviation = shrunken(gain, error)
    worse = norm.cdf(-center / deviation)
    refused = rejected(t.cdf(gain / error, rows - 1), _FALSE_DISCOVERIES)
    judged: list[tuple[Status, float]] = []
    for probability, bad in zip(worse, refused, strict=True):
        status: Status = "insufficient"
        if bad or probability > _SURE:
            status = "fail"
        elif probability < 1 - _SURE:
            status = "pass"
        judged.append((status, float(probability)))
    return judged
