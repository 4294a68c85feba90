"""The metrics of a binary task from counts, and their intervals.

Rows are counted by score and decision, so computing an interval takes as long for a thousand rows
as for a million.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.metrics import calibration_group_count

Floats = NDArray[np.float64]

_MOST = 512  # distinct scores; if there are more, they are grouped by quantiles


@dataclass(frozen=True)
class Scored:
    """Rows of equal score and decision, in c groups ordered by the score.

    scores: [c] the mean score of each. flagged: [c] whether it is decided to be positive. band:
    [c] the bin of the score by which rows are weighted. counts: [2, c] negative and positive rows.
    """

    scores: Floats
    flagged: NDArray[np.bool_]
    band: NDArray[np.intp]
    counts: Floats

    def weighted(self, weights: Floats) -> Scored:
        """These counts, with each row weighted by its band. weights: shape [bands]."""
        return Scored(self.scores, self.flagged, self.band, self.counts * weights[self.band])


def group(
    scores: Floats, flagged: NDArray[np.bool_], band: NDArray[np.intp], truth: NDArray[np.int64]
) -> Scored:
    """Group n rows; truth: [n] of 0 and 1."""
    known = np.unique(scores)
    grouped = len(known) > _MOST
    if grouped:
        shares = np.linspace(0, 1, _MOST + 1)[1:-1]
        known = np.unique(np.quantile(scores, shares, method="lower"))
        place = np.searchsorted(known, scores, side="left")
    else:
        place = np.searchsorted(known, scores)
    keys = (place * 2 + flagged) * (int(band.max(initial=0)) + 1) + band
    found, at = np.unique(keys, return_inverse=True)
    size = len(found)
    rows = np.bincount(at, minlength=size)
    first = np.zeros(size, np.intp)
    first[at] = np.arange(len(at))
    means = np.bincount(at, scores, size) / rows if grouped else scores[first]
    counts = np.vstack([np.bincount(at[truth == k], minlength=size) for k in (0, 1)])
    order = np.argsort(means, kind="stable")
    return Scored(
        means[order], flagged[first][order], band[first][order], counts.astype(float)[:, order]
    )


def resampled(rows: Scored, times: int, seed: int) -> Floats:
    """The counts of bootstrap samples: [times, 2, c]."""
    random = np.random.default_rng(seed)
    total = rows.counts.sum()
    drawn = random.multinomial(int(total), (rows.counts / total).ravel(), times)
    return drawn.reshape(times, *rows.counts.shape).astype(float)


def metrics(
    rows: Scored, counts: Floats, costs: tuple[float, float] = (1.0, 1.0)
) -> dict[str, Floats]:
    """Every metric of a binary task of samples of counts, [times, 2, c]; [times] values each.

    costs: the costs of a false positive and of a false negative. A metric that is not defined is
    NaN.
    """
    negative, positive = counts[:, 0], counts[:, 1]
    n0, n1 = negative.sum(axis=1), positive.sum(axis=1)
    total = n0 + n1
    flagged = rows.flagged
    hits, alarms = positive[:, flagged].sum(axis=1), negative[:, flagged].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, quiet = hits / n1, (n0 - alarms) / n0
        precision = hits / (hits + alarms)
        own = np.clip(rows.scores, 1e-15, 1 - 1e-15)
        return {
            "roc_auc": _roc_auc(rows.scores, negative, positive),
            "average_precision": _average_precision(rows.scores, negative, positive),
            "log_loss": -(positive @ np.log(own) + negative @ np.log(1 - own)) / total,
            "brier": (positive @ (1 - rows.scores) ** 2 + negative @ rows.scores**2) / total,
            "calibration_error": _calibration_error(rows.scores, negative, positive),
            "accuracy": (hits + n0 - alarms) / total,
            "balanced_accuracy": (recall + quiet) / 2,
            "precision": precision,
            "recall": recall,
            "f1": 2 * hits / (n1 + hits + alarms),
            "cost": (alarms * costs[0] + (n1 - hits) * costs[1]) / total,
        }


def _ties(scores: Floats, counts: Floats) -> Floats:
    """Counts by distinct scores, ascending: [times, k]."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores) > 0]))
    return np.add.reduceat(counts, starts, axis=1)


def _roc_auc(scores: Floats, negative: Floats, positive: Floats) -> Floats:
    less, more = _ties(scores, negative), _ties(scores, positive)
    below = np.cumsum(less, axis=1) - less / 2
    return (more * below).sum(axis=1) / (less.sum(axis=1) * more.sum(axis=1))


def _average_precision(scores: Floats, negative: Floats, positive: Floats) -> Floats:
    less, more = _ties(scores, negative)[:, ::-1], _ties(scores, positive)[:, ::-1]
    hits = np.cumsum(more, axis=1)
    seen = hits + np.cumsum(less, axis=1)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    return (precision * more).sum(axis=1) / more.sum(axis=1)


def _calibration_error(scores: Floats, negative: Floats, positive: Floats) -> Floats:
    pairs = zip(negative, positive, strict=True)
    return np.array([_calibration_of_one(scores, no, yes) for no, yes in pairs])


def _calibration_of_one(scores: Floats, negative: Floats, positive: Floats) -> float:
    """The error that sluice.metrics computes from rows; equal scores are divided between groups.

    negative, positive: [k] the rows of each score.
    """
    rows = negative + positive
    seen = np.concatenate([[0.0], np.cumsum(rows)])
    edges = np.linspace(0, seen[-1], calibration_group_count(int(seen[-1])) + 1)

    def of_groups(values: Floats) -> Floats:
        return np.diff(np.interp(edges, seen, np.concatenate([[0.0], np.cumsum(values)])))

    count = of_groups(rows)
    gap = of_groups(positive - rows * scores) / count
    squares = of_groups(positive * (1 - scores) ** 2 + negative * scores**2)
    spread = (squares - count * gap**2) / np.maximum(count - 1, 1)
    noise = np.maximum(spread, of_groups(rows * scores * (1 - scores)) / count) / count
    return float(np.sqrt(max(0.0, float(((gap**2 - noise) * count).sum() / seen[-1]))))
