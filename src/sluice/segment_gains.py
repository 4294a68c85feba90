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


def surprises(task: Task, truth: Floats | Ints, scores: Floats) -> tuple[Floats, Floats]:
    """By how much each loss [n] exceeds the loss that its scores predict, and the variance of that.

    Probabilities predict the mean of the log loss, whatever the mix of scores, and whichever scores
    get a label. In a regression the score predicts nothing: this is the squared error, with a
    variance of 0.
    """
    if task == "regression":
        return losses(task, truth, scores), np.zeros(len(scores))
    each = scores if task == "multiclass" else np.column_stack([1 - scores, scores])
    logs = np.log(np.maximum(each, _SMALLEST))
    predicted = -(each * logs).sum(axis=1)
    variance = np.maximum((each * logs**2).sum(axis=1) - predicted**2, 0.0)
    return losses(task, truth, scores) - predicted, variance


def means(
    places: Ints, values: Floats, variances: Floats, count: int
) -> tuple[Ints, Floats, Floats]:
    """The rows of each of `count` segments, their mean value, and its standard error; [count] each.

    places: [n] the segment of each row. variances: [n] the least variance of each value. With
    fewer than 10 rows or without any variance, the mean is 0 and the error infinite.
    """
    rows = np.bincount(places, minlength=count)
    some = np.maximum(rows, 1)
    mean = np.bincount(places, values, count) / some
    squares = np.bincount(places, (values - mean[places]) ** 2, count)
    least = np.bincount(places, variances, count) / some
    error = np.sqrt(np.maximum(squares / np.maximum(rows - 1, 1), least) / some)
    known = (rows >= _LEAST_ROWS) & (error > 0)
    return rows, np.where(known, mean, 0.0), np.where(known, error, np.inf)


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
    gained = (rest - own)[inside]
    rows, mean, error = means(at[inside], gained, np.zeros(len(gained)), len(names))
    enough = np.isfinite(error)
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
