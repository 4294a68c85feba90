"""The metrics that gates decide by give what scikit-learn gives, and NaN where it is undefined.

A gate reports an undefined metric as `insufficient`. scikit-learn replaces some undefined values
by a number: those cases are listed here with what the gates use instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from sklearn import metrics as sk

from sluice.metrics import METRICS, Floats, Ints, Predictions, of_task
from sluice.task import Task

SEEDS = range(8)
NAN = math.nan
# The logarithmic loss uses at least this probability; scikit-learn uses at least 2.2e-16.
SMALLEST = 1e-15


def binary(truth: object, scores: object, threshold: float = 0.5, **costs: float) -> Predictions:
    probabilities = np.asarray(scores, np.float64)
    decisions = (probabilities >= threshold).astype(np.int64)
    return Predictions(
        "binary", np.asarray(truth, np.int64), probabilities, decisions, costs, ("no", "yes")
    )


def multiclass(truth: object, scores: object, **costs: float) -> Predictions:
    probabilities = np.asarray(scores, np.float64)
    classes = tuple("abcdefgh"[: probabilities.shape[1]])
    decisions = probabilities.argmax(axis=1).astype(np.int64)
    return Predictions(
        "multiclass", np.asarray(truth, np.int64), probabilities, decisions, costs, classes
    )


def regression(truth: object, scores: object, **costs: float) -> Predictions:
    predicted = np.asarray(scores, np.float64)
    return Predictions("regression", np.asarray(truth, np.float64), predicted, predicted, costs)


def probabilities(random: np.random.Generator, rows: int, classes: int) -> Floats:
    drawn = random.gamma(1.0, size=(rows, classes))
    return cast(Floats, drawn / drawn.sum(axis=1, keepdims=True))


def expected_calibration_error(o: Predictions) -> float:
    """Group by group, from the rows in the order of their scores."""
    n = len(o.truth)
    groups = min(n, 10, max(4, n // 200))
    order = np.argsort(o.scores, kind="stable")
    number = np.arange(n) * groups // n
    square = 0.0
    for k in range(groups):
        rows = order[number == k]
        off = o.truth[rows] - o.scores[rows]
        spread = np.var(off, ddof=1) if len(rows) > 1 else 0.0
        noise = max(spread, float(np.mean(o.scores[rows] * (1 - o.scores[rows])))) / len(rows)
        square += len(rows) / n * (float(np.mean(off)) ** 2 - noise)
    return math.sqrt(max(0.0, square))


def mean_cost(o: Predictions) -> float:
    """The mean cost, from the confusion matrix and a matrix of costs."""
    confusion = sk.confusion_matrix(o.truth, o.decisions, labels=range(len(o.classes)))
    if o.task == "binary":
        missed = [o.costs.get("false_positive", 1.0), o.costs.get("false_negative", 1.0)]
    else:
        missed = [o.costs.get(name, 1.0) for name in o.classes]
    costs = np.array(missed)[:, None] * (1 - np.eye(len(o.classes)))
    return float((confusion * costs).sum() / len(o.truth))


def mean_error_cost(o: Predictions) -> float:
    """scikit-learn's pinball loss weighs both sides by `alpha` and `1 - alpha`."""
    under, over = o.costs.get("under", 1.0), o.costs.get("over", 1.0)
    alpha = under / (under + over)
    return float(sk.mean_pinball_loss(o.truth, o.scores, alpha=alpha) * (under + over))


def both(o: Predictions) -> Floats:
    return np.column_stack([1 - o.scores, o.scores]) if o.task == "binary" else o.scores


def log_loss(o: Predictions) -> float:
    clipped = np.clip(both(o), SMALLEST, 1.0)
    classes = range(len(o.classes))
    return float(sk.log_loss(o.truth, clipped / clipped.sum(axis=1, keepdims=True), labels=classes))


def roc_auc(o: Predictions) -> float:
    if o.task == "binary":
        return float(sk.roc_auc_score(o.truth, o.scores))
    labels = range(len(o.classes))
    return float(sk.roc_auc_score(o.truth, o.scores, multi_class="ovr", labels=labels))


def brier(o: Predictions) -> float:
    labels = range(len(o.classes))
    return float(sk.brier_score_loss(o.truth, both(o), labels=labels, scale_by_half=True))


def f1(o: Predictions) -> float:
    average = "binary" if o.task == "binary" else "macro"
    labels = None if o.task == "binary" else range(len(o.classes))
    return float(sk.f1_score(o.truth, o.decisions, average=average, labels=labels))


REFERENCES: dict[str, Callable[[Predictions], float]] = {
    "roc_auc": roc_auc,
    "average_precision": lambda o: sk.average_precision_score(o.truth, o.scores),
    "log_loss": log_loss,
    "brier": brier,
    "calibration_error": expected_calibration_error,
    "accuracy": lambda o: sk.accuracy_score(o.truth, o.decisions),
    "balanced_accuracy": lambda o: sk.balanced_accuracy_score(o.truth, o.decisions),
    "precision": lambda o: sk.precision_score(o.truth, o.decisions),
    "recall": lambda o: sk.recall_score(o.truth, o.decisions),
    "f1": f1,
    "mae": lambda o: sk.mean_absolute_error(o.truth, o.scores),
    "rmse": lambda o: sk.root_mean_squared_error(o.truth, o.scores),
    "r2": lambda o: sk.r2_score(o.truth, o.scores),
    "cost": lambda o: mean_error_cost(o) if o.task == "regression" else mean_cost(o),
}


def agree(o: Predictions, *but: str) -> None:
    """Assert that every metric of the task is what scikit-learn gives, except those named."""
    for name, metric in of_task(o.task).items():
        if name not in but:
            expected = REFERENCES[name](o)
            assert metric.compute(o) == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def undefined(o: Predictions) -> set[str]:
    """The metrics of the task that are NaN for these rows."""
    return {name for name, metric in of_task(o.task).items() if math.isnan(metric.compute(o))}


def test_every_metric_has_a_reference() -> None:
    assert REFERENCES.keys() == METRICS.keys()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rows", [20, 997])
def test_random_binary_scores(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    truth[:2] = 0, 1
    scores = np.clip(random.normal(0.3 + 0.3 * truth, 0.2), 0.001, 0.999)
    scores[:2] = 0.21, 0.79  # at least one row is decided either way
    agree(binary(truth, scores, 0.45, false_negative=5.0, false_positive=0.5))


@pytest.mark.parametrize("seed", SEEDS)
def test_binary_scores_with_ties(seed: int) -> None:
    """Scores of two decimals, none of which lies on the edge between two bins."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, 300)
    scores = random.integers(0, 10, 300) / 10 + random.choice([0.03, 0.07], 300)
    agree(binary(truth, scores))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [3, 7])
def test_random_multiclass_scores(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(classes), random.integers(0, classes, 400)])
    scores = probabilities(random, len(truth), classes)
    agree(multiclass(truth, scores, a=4.0, c=0.25))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_random_predictions_of_a_number(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(3, 2, 500) * scale
    predicted = truth + random.standard_t(2, 500) * scale
    agree(regression(truth, predicted, under=3.0, over=0.5))


@pytest.mark.parametrize("score", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_one_score_for_every_binary_row(score: float) -> None:
    """With one score for all rows, nothing is ranked, and one of the two classes is never
    chosen.
    """
    o = binary([0, 1, 1, 0, 1], [score] * 5)
    # A class that is never chosen has no precision; scikit-learn returns 0.
    never_positive = score < 0.5
    agree(o, *(["precision"] if never_positive else []))
    assert METRICS["roc_auc"].compute(o) == 0.5
    assert undefined(o) == ({"precision"} if never_positive else set())


@pytest.mark.parametrize(
    ("truth", "missing"),
    [
        # Without a positive row; without a negative row.
        (0, {"roc_auc", "average_precision", "balanced_accuracy", "recall"}),
        (1, {"roc_auc", "balanced_accuracy"}),
    ],
)
def test_rows_of_one_class(truth: int, missing: set[str]) -> None:
    """scikit-learn gives numbers for some undefined metrics: 0 for a precision-recall curve, for
    example.
    """
    o = binary([truth] * 6, [0.05, 0.15, 0.35, 0.55, 0.85, 0.95])
    assert undefined(o) == missing
    agree(o, *missing)


@pytest.mark.parametrize(
    ("truth", "score", "missing"),
    [
        (1, 0.95, {"roc_auc", "balanced_accuracy"}),
        (1, 0.05, {"roc_auc", "balanced_accuracy", "precision"}),
        (0, 0.95, {"roc_auc", "average_precision", "balanced_accuracy", "recall"}),
        (
            0,
            0.05,
            {"roc_auc", "average_precision", "balanced_accuracy", "recall", "precision", "f1"},
        ),
    ],
)
def test_one_binary_row(truth: int, score: float, missing: set[str]) -> None:
    o = binary([truth], [score])
    assert undefined(o) == missing
    agree(o, *missing)


def test_a_class_without_rows() -> None:
    """scikit-learn leaves the class out of its means; a gate must notice that it is missing."""
    random = np.random.default_rng(1)
    o = multiclass(random.integers(0, 2, 50), probabilities(random, 50, 3))
    assert (o.decisions == 2).any()
    assert undefined(o) == {"roc_auc", "balanced_accuracy"}
    agree(o, "roc_auc", "balanced_accuracy")


def test_a_class_that_occurs_neither_in_truth_nor_in_decisions() -> None:
    o = multiclass([0, 1, 0, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]] * 2)
    assert undefined(o) == {"roc_auc", "balanced_accuracy", "f1"}
    agree(o, "roc_auc", "balanced_accuracy", "f1")


def test_one_row_of_several_classes() -> None:
    o = multiclass([2], [[0.2, 0.2, 0.6]])
    assert undefined(o) == {"roc_auc", "balanced_accuracy", "f1"}
    agree(o, "roc_auc", "balanced_accuracy", "f1")


def test_probabilities_of_exactly_zero_and_one() -> None:
    """A certain but wrong score has a finite loss, so that a single row cannot make a metric
    infinite.
    """
    o = binary([0, 1, 0, 1], [0.0, 1.0, 1.0, 0.0])
    agree(o, "calibration_error")
    assert METRICS["log_loss"].compute(o) == pytest.approx(-math.log(SMALLEST) / 2)
    assert METRICS["calibration_error"].compute(o) == pytest.approx(math.sqrt(0.5))
    agree(multiclass([0, 1, 2], np.eye(3)[[0, 1, 1]]))


@pytest.mark.parametrize("rows", [41, 999, 2_345])
def test_the_calibration_error_of_tied_scores(rows: int) -> None:
    random = np.random.default_rng(rows)
    scores = random.integers(0, 8, rows) / 7
    o = binary(random.random(rows) < np.clip(scores + 0.2, 0, 1), scores)
    agree(o, "calibration_error")
    assert METRICS["calibration_error"].compute(o) > 0


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("truth", [[0.1] * 3, [7.0], [1e300] * 3, [0.0, 0.0]])
def test_a_constant_number_to_predict(truth: list[float]) -> None:
    """With zero variance the explained share is undefined; scikit-learn returns 0 or 1."""
    o = regression(truth, np.asarray(truth) * 1.5)
    assert undefined(o) == {"r2"}
    agree(o, "r2", *(["rmse"] if truth[0] > 1e200 else []))
    assert undefined(regression(truth, truth)) == {"r2"}


def test_one_prediction_for_every_row() -> None:
    truth = np.arange(5.0)
    agree(regression(truth, np.full(5, truth.mean())))
    assert METRICS["r2"].compute(regression(truth, np.full(5, 2.0))) == 0


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_numbers_too_large_to_square() -> None:
    """The squares overflow to an infinite or undefined value, with which no gate passes."""
    o = regression([1e200, -1e200, 0.0], [-1e200, 1e200, 1.0])
    assert METRICS["mae"].compute(o) == pytest.approx(REFERENCES["mae"](o))
    assert METRICS["rmse"].compute(o) == math.inf
    assert not math.isfinite(METRICS["r2"].compute(o))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_gain_of_a_metric_is_positive_when_it_improves(task: Task) -> None:
    better: Any
    if task == "regression":
        better, worse = regression([1, 2, 3], [1, 2, 3.1]), regression([1, 2, 3], [3, 1, 2])
    elif task == "binary":
        better = binary([0, 1, 0, 1], [0.1, 0.9, 0.2, 0.7])
        worse = binary([0, 1, 0, 1], [0.9, 0.6, 0.2, 0.3])
    else:
        sure = np.full((3, 3), 0.05) + 0.85 * np.eye(3)
        better, worse = multiclass([0, 1, 2], sure), multiclass([0, 1, 2], sure[[0, 2, 1]])
    for name, metric in of_task(task).items():
        assert metric.gain(metric.compute(better), metric.compute(worse)) > 0, name


def test_rows_keep_their_truth_scores_and_decisions_together() -> None:
    o = binary([0, 1, 1], [0.1, 0.9, 0.4])
    chosen: Ints = np.array([2, 2, 0])
    part = o.rows(chosen)
    assert part.truth.tolist() == [1, 1, 0]
    assert part.scores.tolist() == [0.4, 0.4, 0.1]
    assert part.decisions.tolist() == [0, 0, 0]
    assert (part.costs, part.classes, part.task) == (o.costs, o.classes, o.task)
