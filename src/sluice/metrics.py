"""What a model's performance is measured by, for each task.

Every metric takes `Predictions` and returns one float; NaN where it is not
defined (one class only, no positives). scikit-learn is imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.task import Task

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """Truth and prediction for n rows.

    truth: [n] class indices, or the numbers to predict (regression).
    scores: [n] probability of the positive class, [n, k] class probabilities,
    or [n] predictions. decisions: [n] class indices (regression: the scores).
    costs: what each error costs, by the names in params.yaml.
    """

    task: Task
    truth: Floats | Ints
    scores: Floats
    decisions: Floats | Ints
    costs: dict[str, float]
    classes: tuple[str, ...] = ()

    def rows(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Predictions:
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
    compute: Callable[[Predictions], float]
    tasks: tuple[Task, ...]
    higher_is_better: bool
    meaning: str

    def gain(self, value: float, over: float) -> float:
        """How much better `value` is than `over`; negative when worse."""
        return value - over if self.higher_is_better else over - value


def _share(part: np.ndarray, of: np.ndarray) -> float:
    count = np.count_nonzero(of)
    return float(np.count_nonzero(part & of) / count) if count else float("nan")


def _roc_auc(o: Predictions) -> float:
    """From ranks (Hanley and McNeil, 1982); of several classes the mean, each against the rest."""
    if o.task == "binary":
        return _rank_auc(o.truth == 1, o.scores)
    areas = [_rank_auc(o.truth == k, o.scores[:, k]) for k in range(len(o.classes))]
    return float(np.mean(areas))


def _rank_auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    from scipy.stats import rankdata

    hits = int(np.count_nonzero(positive))
    pairs = hits * (len(positive) - hits)
    if not pairs:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - hits * (hits + 1) / 2) / pairs)


def _average_precision(o: Predictions) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(o.truth, o.scores)) if o.truth.any() else float("nan")


def _log_loss(o: Predictions) -> float:
    own = _probabilities(o)[np.arange(len(o.truth)), o.truth.astype(np.intp)]
    return float(-np.log(np.clip(own, 1e-15, 1.0)).mean())


def _brier(o: Predictions) -> float:
    sure = np.eye(len(o.classes))[o.truth.astype(np.intp)]
    return float(((_probabilities(o) - sure) ** 2).sum(axis=1).mean() / 2)


def _probabilities(o: Predictions) -> Floats:
    return np.column_stack([1 - o.scores, o.scores]) if o.task == "binary" else o.scores


def _calibration_error(o: Predictions) -> float:
    """Expected calibration error over ten equal-width bins (Naeini et al., 2015)."""
    bins = np.minimum((o.scores * 10).astype(np.intp), 9)
    count = np.bincount(bins, minlength=10)
    gap = np.bincount(bins, o.scores, 10) - np.bincount(bins, o.truth, 10)
    return float(np.abs(gap).sum() / count.sum())


def _accuracy(o: Predictions) -> float:
    return float((o.truth == o.decisions).mean())


def _recalls(o: Predictions) -> list[float]:
    right = o.truth == o.decisions
    return [_share(right, o.truth == k) for k in range(len(o.classes))]


def _balanced_accuracy(o: Predictions) -> float:
    return float(np.mean(_recalls(o)))


def _recall(o: Predictions) -> float:
    return _share(o.decisions == 1, o.truth == 1)


def _precision(o: Predictions) -> float:
    return _share(o.truth == 1, o.decisions == 1)


def _f1_of(o: Predictions, k: int) -> float:
    hit = np.count_nonzero((o.truth == k) & (o.decisions == k))
    named = np.count_nonzero(o.truth == k) + np.count_nonzero(o.decisions == k)
    return float(2 * hit / named) if named else float("nan")


def _f1(o: Predictions) -> float:
    if o.task == "binary":
        return _f1_of(o, 1)
    return float(np.mean([_f1_of(o, k) for k in range(len(o.classes))]))


def _cost(o: Predictions) -> float:
    """Mean cost of an error a row, with the costs of params.yaml (1 where none is named)."""
    if o.task == "regression":
        off = o.scores - o.truth
        under, over = o.costs.get("under", 1.0), o.costs.get("over", 1.0)
        return float(np.where(off < 0, -off * under, off * over).mean())
    wrong = o.truth != o.decisions
    return float((class_costs(o.task, o.classes, o.costs)[o.truth.astype(np.intp)] * wrong).mean())


def class_costs(task: Task, classes: tuple[str, ...], costs: dict[str, float]) -> Floats:
    """[k] what it costs to miss each class."""
    if task == "binary":
        missed = [costs.get("false_positive", 1.0), costs.get("false_negative", 1.0)]
        return np.array(missed)
    return np.array([costs.get(name, 1.0) for name in classes])


def _mae(o: Predictions) -> float:
    return float(np.abs(o.scores - o.truth).mean())


def _rmse(o: Predictions) -> float:
    return float(np.sqrt(((o.scores - o.truth) ** 2).mean()))


def _r2(o: Predictions) -> float:
    # The mean of equal numbers may differ from them by a rounding error.
    if np.ptp(o.truth) == 0:
        return float("nan")
    spread = ((o.truth - o.truth.mean()) ** 2).sum()
    return float(1 - ((o.scores - o.truth) ** 2).sum() / spread)


_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_ALL: tuple[Task, ...] = ("binary", "multiclass", "regression")

METRICS: dict[str, Metric] = {
    "roc_auc": Metric(_roc_auc, _CLASSES, True, "chance that a hit is ranked above a miss"),
    "average_precision": Metric(
        _average_precision, ("binary",), True, "area under precision-recall"
    ),
    "log_loss": Metric(_log_loss, _CLASSES, False, "surprise at the truth, in nats"),
    "brier": Metric(_brier, _CLASSES, False, "squared error of the probabilities"),
    "calibration_error": Metric(
        _calibration_error, ("binary",), False, "gap of score and frequency"
    ),
    "accuracy": Metric(_accuracy, _CLASSES, True, "share of right decisions"),
    "balanced_accuracy": Metric(_balanced_accuracy, _CLASSES, True, "mean recall of the classes"),
    "precision": Metric(_precision, ("binary",), True, "share of flagged rows that are positive"),
    "recall": Metric(_recall, ("binary",), True, "share of positive rows that are flagged"),
    "f1": Metric(_f1, _CLASSES, True, "harmonic mean of precision and recall"),
    "mae": Metric(_mae, ("regression",), False, "mean absolute error"),
    "rmse": Metric(_rmse, ("regression",), False, "root of the mean squared error"),
    "r2": Metric(_r2, ("regression",), True, "share of the variance explained"),
    "cost": Metric(_cost, _ALL, False, "mean cost of an error a row"),
}


# What may be compared between groups; a bound names one of these with _difference or _ratio.
_RATES = ("selection_rate", "false_negative_rate", "false_positive_rate")
FAIRNESS_MEASURES: dict[Task, tuple[str, ...]] = {
    "binary": _RATES,
    "multiclass": _RATES,
    "regression": ("mean_error", "absolute_error"),
}


def of_task(task: Task) -> dict[str, Metric]:
    return {name: metric for name, metric in METRICS.items() if task in metric.tasks}
