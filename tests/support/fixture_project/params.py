"""`params.yaml` of the fixture project: small numbers, so that a whole run is quick."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from support.fixture_project.data import TARGET

_TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"type": "category", "values": ["no", "yes"]},
    "multiclass": {"type": "category", "values": ["low", "middle", "high"]},
    "regression": {"type": "number", "low": -100, "high": 200},
}
_CANDIDATES: dict[str, dict[str, Any]] = {
    "linear": {"model": "linear"},
    "boosting": {
        "model": "boosting",
        "parameters": {"max_iter": 25, "max_leaf_nodes": 7, "learning_rate": 0.2},
    },
}
# Small searches and early stopping, so that every test of a complete regression covers them.
_NATIVE: dict[str, Any] = {
    "model": "native_boosting",
    "parameters": {
        "early_stopping": True,
        "max_iter": 25,
        "max_leaf_nodes": 7,
        "learning_rate": 0.2,
    },
    "search": [{"max_leaf_nodes": 5}],
    "budget": 2,
}
_OF_TASK: dict[str, dict[str, Any]] = {
    "binary": _CANDIDATES,
    "multiclass": {"boosting": _CANDIDATES["boosting"]},
    "regression": {"boosting": _NATIVE},
}
_SELECTION: dict[str, dict[str, Any]] = {
    "binary": {"metric": "roc_auc", "costs": {"false_negative": 2, "false_positive": 1}},
    "multiclass": {"metric": "log_loss", "costs": {"high": 2}},
    "regression": {"metric": "rmse", "costs": {"under": 2}},
}
_PERFORMANCE: dict[str, dict[str, Any]] = {
    "binary": {"roc_auc": {"low": 0.75}, "recall": {"low": 0.6}},
    "multiclass": {"balanced_accuracy": {"low": 0.5}, "log_loss": {"high": 1.0}},
    "regression": {"rmse": {"high": 6.5}, "r2": {"low": 0.5}},
}
_FAIRNESS: dict[str, dict[str, Any]] = {
    "binary": {"selection_rate_difference": {"high": 0.2}},
    "multiclass": {"selection_rate_difference": {"high": 0.25}},
    "regression": {"mean_error_difference": {"high": 2.0}},
}
_INTERSECTIONS: dict[str, dict[str, Any]] = {
    "binary": {"selection_rate_difference": {"high": 0.35}},
    "multiclass": {"selection_rate_difference": {"high": 0.4}},
    "regression": {"mean_error_difference": {"high": 3.0}},
}


def params(task: str) -> dict[str, Any]:
    settings = {
        "name": f"toy-{task}",
        "task": task,
        "seed": 11,
        "bounds": "confirmed",
        "data": {
            "file": "data/toy.csv",
            "id": "key",
            "target": TARGET[task],
            "positive": "yes" if task == "binary" else None,
            "sensitive": {"side": {}, "born": {"bands": [1975]}},
            "sensitive_inputs": [],
        },
        "columns": {
            "key": {"type": "text"},
            "weight": {"type": "number", "low": 0, "high": 200},
            "slope": {"type": "number", "low": -10, "high": 10, "monotone": "increasing"},
            "visits": {"type": "integer", "low": 0, "high": 50, "missing": 0.12},
            "waste": {"type": "number"},
            "colour": {"type": "category", "values": ["red", "green", "blue"]},
            "side": {"type": "category", "values": ["left", "right"]},
            "born": {"type": "integer", "low": 1900, "high": 2050},
            TARGET[task]: _TARGETS[task],
        },
        "quality": {
            "rows": 3_000,
            "duplicates": 0.01,
            "class_share": None if task == "regression" else 0.1,
            "leakage": 0.9,
        },
        "split": {"salt": "toy", "validation": 0.2, "holdout": 0.4, "latest": 0.03},
        "candidates": _OF_TASK[task],
        "selection": _SELECTION[task],
        # ONNX trees add up numbers in float32, and here these are around 20 instead of
        # probabilities.
        "parity": {"tolerance": 1e-6},
        "performance": {
            "bounds": _PERFORMANCE[task],
            "over_baselines": 0.01,
            "resamples": 100,
        },
        "fairness": {
            "group_rows": 100,
            "bounds": _FAIRNESS[task],
            "intersections": _INTERSECTIONS[task],
        },
        "explanation": {"largest_share": 0.6, "rows": 20},
        # Short, with bounds that every machine meets easily.
        "load": {
            "seconds": 0.4,
            "connections": 4,
            "rows": 2,
            "bounds": {
                "p95_ms": {"high": 2_000},
                "p99_ms": {"high": 5_000},
                "throughput": {"low": 5},
                "memory_mib": {"high": 1_000},
                "error_rate": {"high": 0},
            },
        },
        "accept": [],
    }
    return deepcopy(settings)
