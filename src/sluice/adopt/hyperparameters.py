"""The candidates and the selection metric for a table of this size and task."""

from __future__ import annotations

from sluice.adopt import segments
from sluice.adopt.profile import TableProfile
from sluice.adopt.render import YamlValue
from sluice.config import Scalar

Candidate = dict[str, YamlValue]

_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
_SMALL, _LARGE = 1000, 20_000  # rows
_WIDE = 2000  # coefficients; Newton's method solves a system of this size in each step


def candidates(profile: TableProfile) -> dict[str, Candidate]:
    """Return a linear model and gradient boosting, by the names of the candidates.

    Returns only the linear model if training would refuse the boosted trees of so many segments.
    """
    name = "linear" if profile.task == "regression" else "logistic"
    linear: Candidate = {"model": "linear", "parameters": _linear(profile)}
    if segments.too_many(nodes(profile)):
        return {name: linear}
    return {name: linear, "boosting": _boosting(profile)}


def nodes(profile: TableProfile) -> int:
    """The most nodes that the boosted trees of all segments would have."""
    leaves, other, leaf = _tree(profile)
    return segments.nodes(profile, max(leaves, other), leaf)


def server_memory(profile: TableProfile) -> int:
    """How much memory a server of these candidates may use, in MiB."""
    count = nodes(profile)
    return segments.server_memory(0 if segments.too_many(count) else count)


def selection_metric(profile: TableProfile) -> str:
    """The metric by which training selects among the candidates."""
    return "mae" if profile.heavy_tailed else _METRICS[profile.task]


def costs(profile: TableProfile) -> dict[str, int]:
    """Return the costs of errors: equal ones, unless so few rows are positive that none would be
    predicted.
    """
    if profile.task == "multiclass":
        return dict.fromkeys(profile.classes, 1)
    if profile.task == "binary":
        share = profile.rare_positives
        return {"false_negative": 1 if share is None else round(1 / share - 1), "false_positive": 1}
    return {"under": 1, "over": 1}


def _linear(profile: TableProfile) -> dict[str, Scalar]:
    few_rows = len(profile.features) * 5 > profile.rows
    if profile.task == "regression":
        return {"alpha": 100.0 if few_rows else 1.0}
    strength: dict[str, Scalar] = {"C": 0.01 if few_rows else 1.0}
    inputs = sum(len(feature.levels or feature.values) or 1 for feature in profile.features)
    if inputs * max(1, len(profile.classes)) > _WIDE:
        return {**strength, "solver": "lbfgs", "tol": 1e-6, "max_iter": 2000}
    return strength


def _boosting(profile: TableProfile) -> Candidate:
    """Gradient boosting with early stopping; more rows allow more and larger trees."""
    leaves, other, leaf = _tree(profile)
    parameters: dict[str, Scalar] = {
        "early_stopping": True,
        "n_iter_no_change": 20,
        "max_iter": 300 if profile.rows < _SMALL else 500,
        "learning_rate": 0.1,
        "max_leaf_nodes": leaves,
        "min_samples_leaf": leaf,
    }
    if profile.heavy_tailed:
        parameters["loss"] = "absolute_error"
    return {
        "model": "native_boosting" if _has_categories(profile) else "boosting",
        "parameters": parameters,
        "search": [{"max_leaf_nodes": other}],
        "budget": 2,
    }


def _tree(profile: TableProfile) -> tuple[int, int, int]:
    """The most leaves of a tree, another number to try, and the fewest rows of a leaf."""
    if profile.rows < _SMALL:
        return 7, 15, max(5, min(10, profile.rows // 40))
    return 31, 15 if profile.rows < _LARGE else 63, 20


def _has_categories(profile: TableProfile) -> bool:
    inputs = [feature for feature in profile.features if feature.name != profile.segments]
    return any(feature.type == "category" for feature in inputs)
