"""The candidates and the selection metric for a table of this size and task."""

from __future__ import annotations

from sluice.adopt.profile import TableProfile
from sluice.config import Scalar

Candidates = dict[str, dict[str, str | dict[str, Scalar]]]

_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
_SMALL, _LARGE = 1000, 20_000  # rows
_WIDE = 2000  # coefficients; Newton's method solves a system of this size in each step


def candidates(profile: TableProfile) -> Candidates:
    """Return a linear model and gradient boosting, by the name of the candidate."""
    name = "linear" if profile.task == "regression" else "logistic"
    return {
        name: {"model": "linear", "parameters": _linear(profile)},
        "boosting": {"model": "boosting", "parameters": _boosting(profile)},
    }


def selection_metric(profile: TableProfile) -> str:
    return "mae" if profile.heavy_tailed else _METRICS[profile.task]


def cost_names(profile: TableProfile) -> list[str]:
    """Return the names of the errors whose costs params.yaml states."""
    if profile.task == "multiclass":
        return profile.classes
    if profile.task == "binary":
        return ["false_negative", "false_positive"]
    return ["under", "over"]


def _linear(profile: TableProfile) -> dict[str, Scalar]:
    few_rows = len(profile.features) * 5 > profile.rows
    if profile.task == "regression":
        return {"alpha": 100.0 if few_rows else 1.0}
    strength: dict[str, Scalar] = {"C": 0.01 if few_rows else 1.0}
    inputs = sum(len(feature.values) or 1 for feature in profile.features)
    if inputs * max(1, len(profile.classes)) > _WIDE:
        return {**strength, "solver": "lbfgs", "tol": 1e-6, "max_iter": 2000}
    return strength


def _boosting(profile: TableProfile) -> dict[str, Scalar]:
    if profile.rows < _SMALL:
        leaf = max(5, min(20, profile.rows // 40))
        size = (60, 0.08, 7, leaf)
    elif profile.rows < _LARGE:
        size = (100, 0.08, 15, 20)
    else:
        size = (150, 0.06, 15, 50)
    names = ("max_iter", "learning_rate", "max_leaf_nodes", "min_samples_leaf")
    parameters: dict[str, Scalar] = dict(zip(names, size, strict=True))
    return {**parameters, "loss": "absolute_error"} if profile.heavy_tailed else parameters
