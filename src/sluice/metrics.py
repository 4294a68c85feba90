"""The metrics of performance, by task.

Each metric takes `Predictions` and returns a float: NaN if the metric is not defined, for example
if all rows are of one class. scikit-learn is imported only when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.task import Task

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# For the calibration error.
_FEWEST_GROUPS, _MOST_GROUPS, _ROWS_OF_GROUP = 4, 10, 200


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for n rows, and the true values.

    truth: [n] class indices, or the true numbers of a regression.
    scores: [n] probabilities of the positive class, [n, k] probabilities of k classes, or [n]
    predicted numbers. decisions: [n] class indices, or the scores of a regression.
    costs: the cost of each kind of error, under the names that params.yaml uses.
    """

    task: Task
    truth: Floats | Ints
    scores: Floats
    decisions: Floats | Ints
    costs: dict[str, float]
    classes: tuple[str, ...] = ()

    @property
    def rarest(self) -> int | None:
        """The rows of the rarest class; None for numbers."""
        if self.task == "regression":
            return None
        return int(np.bincount(self.truth.astype(np.intp), minlength=len(self.classes)).min())

    def rows(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Predictions:
        """The predictions for some rows, by their indices or by a mask of shape [n]."""
        return Predictions(
            self.task,
            self.truth[chosen],
            self.scores[chosen],
            self.decisions[chosen],
            self.costs,
            self.classes,
        )


@dataclass(frozen=True)
class Metric:
    """How a metric is computed, for which tasks, and whether a higher value is better."""

    compute: Callable[[Predictions], float]
    tasks: tuple[Task, ...]
    higher_is_better: bool
    meaning: str

    def gain(self, value: float, over: float) -> float:
        """How much better `value` is than `over`; negative if it is worse."""
        return value - over if self.higher_is_better else over - value


def _share(part: np.ndarray, of: np.ndarray) -> float:
    count = np.count_nonzero(of)
    return float(np.count_nonzero(part & of) / count) if count else float("nan")


def _roc_auc(p: Predictions) -> float:
    """Area under the ROC curve, from ranks (Hanley and McNeil, 1982).

    For several classes it is the mean of the areas of each class against the rest.
    """
    if p.task == "binary":
        return _rank_auc(p.truth == 1, p.scores)
    areas = [_rank_auc(p.truth == k, p.scores[:, k]) for k in range(len(p.classes))]
    return float(np.mean(areas))


def _rank_auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    from scipy.stats import rankdata

    hits = int(np.count_nonzero(positive))
    pairs = hits * (len(positive) - hits)
    if not pairs:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - hits * (hits + 1) / 2) / pairs)


def _average_precision(p: Predictions) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(p.truth, p.scores)) if p.truth.any() else float("nan")


def _log_loss(p: Predictions) -> float:
    own = _probabilities(p)[np.arange(len(p.truth)), p.truth.astype(np.intp)]
    return float(-np.log(np.clip(own, 1e-15, 1.0)).mean())


def _brier(p: Predictions) -> float:
    sure = np.eye(len(p.classes))[p.truth.astype(np.intp)]
    return float(((_probabilities(p) - sure) ** 2).sum(axis=1).mean() / 2)


def _probabilities(p: Predictions) -> Floats:
    return np.column_stack([1 - p.scores, p.scores]) if p.task == "binary" else p.scores


def calibration_group_count(rows: int) -> int:
    """Into how many groups this many rows are divided to compare scores with frequencies."""
    return min(_MOST_GROUPS, max(_FEWEST_GROUPS, rows // _ROWS_OF_GROUP))


def calibration_groups(scores: Floats, independent: int | None = None) -> NDArray[np.intp]:
    """The group of each row, shape [n]: 4 to 10 groups of equal size, ordered by score.

    More groups find smaller faults, but each needs enough rows to estimate its share of positives.
    independent: the number of independent rows; all of them by default.
    """
    rows = len(scores) if independent is None else independent
    count = min(calibration_group_count(rows), len(scores))
    codes = np.empty(len(scores), np.intp)
    codes[np.argsort(scores, kind="stable")] = np.arange(len(scores)) * count // len(scores)
    return codes


def calibration_noise(p: Predictions, codes: NDArray[np.intp]) -> Floats:
    """The chance variance of the gap in each group, if rows are independent."""
    count = np.bincount(codes).astype(float)
    off = p.truth - p.scores
    gap = np.bincount(codes, off) / count
    spread = np.bincount(codes, (off - gap[codes]) ** 2) / np.maximum(count - 1, 1)
    # If all rows of a group have the same outcome, the variance is estimated from the scores.
    expected = np.bincount(codes, p.scores * (1 - p.scores)) / count
    return np.asarray(np.maximum(spread, expected) / count, np.float64)


def _calibration_error(p: Predictions) -> float:
    """Root mean squared gap between score and observed frequency in groups of rows.

    The expected contribution of chance to the square is subtracted; otherwise no model would have
    an error near 0 (Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019).
    """
    codes = calibration_groups(p.scores)
    count = np.bincount(codes)
    gap = np.bincount(codes, p.truth - p.scores) / count
    square = ((gap**2 - calibration_noise(p, codes)) * count).sum() / len(codes)
    return float(np.sqrt(max(0.0, float(square))))


def _accuracy(p: Predictions) -> float:
    return float((p.truth == p.decisions).mean())


def _recalls(p: Predictions) -> list[float]:
    right = p.truth == p.decisions
    return [_share(right, p.truth == k) for k in range(len(p.classes))]


def _balanced_accuracy(p: Predictions) -> float:
    return float(np.mean(_recalls(p)))


def _recall(p: Predictions) -> float:
    return _share(p.decisions == 1, p.truth == 1)


def _precision(p: Predictions) -> float:
    return _share(p.truth == 1, p.decisions == 1)


def _f1_of(p: Predictions, k: int) -> float:
    hit = np.count_nonzero((p.truth == k) & (p.decisions == k))
    named = np.count_nonzero(p.truth == k) + np.count_nonzero(p.decisions == k)
    return float(2 * hit / named) if named else float("nan")


def _f1(p: Predictions) -> float:
    if p.task == "binary":
        return _f1_of(p, 1)
    return float(np.mean([_f1_of(p, k) for k in range(len(p.classes))]))


def _cost(p: Predictions) -> float:
    """Mean cost per row, with the costs in params.yaml; an error without a cost there costs 1."""
    if p.task == "regression":
        off = p.scores - p.truth
        under, over = p.costs.get("under", 1.0), p.costs.get("over", 1.0)
        return float(np.where(off < 0, -off * under, off * over).mean())
    wrong = p.truth != p.decisions
    return float((class_costs(p.task, p.classes, p.costs)[p.truth.astype(np.intp)] * wrong).mean())


def class_costs(task: Task, classes: tuple[str, ...], costs: dict[str, float]) -> Floats:
    """The cost of missing each class, shape [k]; [false positive, false negative] if binary."""
    if task == "binary":
        missed = [costs.get("false_positive", 1.0), costs.get("false_negative", 1.0)]
        return np.array(missed)
    return np.array([costs.get(name, 1.0) for name in classes])


def _mae(p: Predictions) -> float:
    return float(np.abs(p.scores - p.truth).mean())


def _rmse(p: Predictions) -> float:
    return float(np.sqrt(((p.scores - p.truth) ** 2).mean()))


def _r2(p: Predictions) -> float:
    # The mean of equal numbers may differ from them by rounding.
    if np.ptp(p.truth) == 0:
        return float("nan")
    spread = ((p.truth - p.truth.mean()) ** 2).sum()
    return float(1 - ((p.scores - p.truth) ** 2).sum() / spread)


_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_ALL: tuple[Task, ...] = ("binary", "multiclass", "regression")

METRICS: dict[str, Metric] = {
    "roc_auc": Metric(_roc_auc, _CLASSES, True, "chance that a positive row outscores a negative"),
    "average_precision": Metric(
        _average_precision, ("binary",), True, "area under the precision-recall curve"
    ),
    "log_loss": Metric(_log_loss, _CLASSES, False, "mean negative log-likelihood, in nats"),
    "brier": Metric(_brier, _CLASSES, False, "mean squared error of the probabilities"),
    "calibration_error": Metric(
        _calibration_error, ("binary",), False, "gap between score and observed frequency"
    ),
    "accuracy": Metric(_accuracy, _CLASSES, True, "share of correct decisions"),
    "balanced_accuracy": Metric(_balanced_accuracy, _CLASSES, True, "mean recall of the classes"),
    "precision": Metric(_precision, ("binary",), True, "share of flagged rows that are positive"),
    "recall": Metric(_recall, ("binary",), True, "share of positive rows that are flagged"),
    "f1": Metric(_f1, _CLASSES, True, "harmonic mean of precision and recall"),
    "mae": Metric(_mae, ("regression",), False, "mean absolute error"),
    "rmse": Metric(_rmse, ("regression",), False, "root of the mean squared error"),
    "r2": Metric(_r2, ("regression",), True, "share of the variance explained"),
    "cost": Metric(_cost, _ALL, False, "mean cost of errors per row"),
}


# What the fairness gate compares between groups. A bound in params.yaml is named like one of these,
# with _difference or _ratio appended.
_RATES = ("selection_rate", "false_negative_rate", "false_positive_rate")
FAIRNESS_MEASURES: dict[Task, tuple[str, ...]] = {
    "binary": _RATES,
    "multiclass": _RATES,
    "regression": ("mean_error", "absolute_error"),
}


def of_task(task: Task) -> dict[str, Metric]:
    """The metrics of a task, by name."""
    return {name: metric for name, metric in METRICS.items() if task in metric.tasks}
