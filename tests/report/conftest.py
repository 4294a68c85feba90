"""Projects with the files that training and the gates leave, without training a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice import gates
from sluice.files import write_json
from sluice.project import Project
from sluice.verdict import Bound, Finding, Status, Verdict, judge

Make = Callable[..., Project]

_CURVES: dict[str, dict[str, Any]] = {
    "binary": {
        "roc": [
            {"false_positive_rate": x / 4, "true_positive_rate": (x / 4) ** 0.5} for x in range(5)
        ],
        "precision_recall": [{"recall": x / 4, "precision": 1 - x / 8} for x in range(5)],
        "calibration": [{"score": x / 10, "frequency": x / 11} for x in range(10)],
        "cost": [{"threshold": x / 4, "cost": 1 - x / 8} for x in range(5)],
    },
    "multiclass": {},
    "regression": {
        "residuals": [{"predicted": float(x), "actual": x + (-1) ** x * 0.5} for x in range(20)]
    },
}
CLASSES = {"binary": ["no", "yes"], "multiclass": ["red", "green", "blue"], "regression": []}
METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mae"}
_MEASURES = {
    "binary": ["selection_rate"],
    "multiclass": ["selection_rate of red"],
    "regression": ["mean_error"],
}


def settings(task: str, column: str, accept: list[dict[str, str]]) -> dict[str, Any]:
    target = {"type": "category", "values": CLASSES[task]}
    return {
        "name": "toy",
        "task": task,
        "seed": 1,
        "data": {
            "file": "data/toy.csv",
            "target": "y",
            "positive": "yes" if task == "binary" else None,
        },
        "columns": {
            column: {"type": "number"},
            "y": {"type": "number"} if task == "regression" else target,
        },
        "quality": {"rows": 10, "duplicates": 0.1, "class_share": 0.1, "leakage": 0.95},
        "split": {"salt": "s", "validation": 0.2, "holdout": 0.2, "latest": 0.1},
        "candidates": {"linear": {"model": "linear"}},
        "selection": {"metric": METRIC[task]},
        "parity": {"tolerance": 1e-6},
        "performance": {"bounds": {METRIC[task]: {"low": 0.1, "high": 100.0}}},
        "fairness": {"group_rows": 10, "bounds": {}, "intersections": {}},
        "explanation": {"largest_share": 0.6},
        "load": {
            "seconds": 1,
            "connections": 1,
            "rows": 1,
            "bounds": {
                "p95_ms": {"high": 100},
                "p99_ms": {"high": 100},
                "throughput": {"low": 1},
                "memory_mib": {"high": 100},
                "error_rate": {"high": 0},
            },
        },
        "accept": accept,
    }


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a project in which every gate passes; `column` is the name of its one input."""

    def made(
        task: str = "binary",
        *,
        column: str = "size",
        accept: list[dict[str, str]] | None = None,
        estimate: float = 0.8,
        where: str = "project",
    ) -> Project:
        project = Project(tmp_path / where)
        # JSON is YAML.
        write_json(project.root / "params.yaml", settings(task, column, accept or []))
        for name in gates.GATES:
            fine = Finding(f"{name}/it", Status.PASS, "as expected")
            Verdict.of(name, [fine]).write(project.verdict(name))
        bound = Bound(f"params.yaml: performance.bounds.{METRIC[task]}", low=0.5)
        seen = judge(f"performance/{METRIC[task]}", estimate, bound, interval=(0.6, 0.9), n=100)
        Verdict.of("performance", [seen]).write(project.verdict("performance"))
        _leave_evidence(project, task, column, estimate)
        return project

    return made


def _leave_evidence(project: Project, task: str, column: str, estimate: float) -> None:
    candidate = {
        "decision": {"binary": {"threshold": 0.4}, "multiclass": {"costs": [1, 2, 3]}}.get(
            task, {}
        ),
        "metrics": {METRIC[task]: estimate, "cost": 0.3},
    }
    write_json(
        project.selection,
        {
            "chosen": "linear",
            "metric": METRIC[task],
            "validation_rows": 50,
            "candidates": {"linear": candidate},
        },
    )
    folder = project.evidence("performance")
    measured = {"estimate": estimate, "low": 0.6, "high": 0.9}
    metrics = {METRIC[task]: measured, "cost": {"estimate": None, "low": None, "high": None}}
    write_json(folder / "metrics.json", {"rows": 100, "metrics": metrics, "baselines": {}})
    for name, rows in _CURVES[task].items():
        write_json(folder / f"{name}.json", rows)
    if task != "regression":
        cells = [
            {"actual": a, "predicted": p, "rows": 9 if a == p else 1}
            for a in CLASSES[task]
            for p in CLASSES[task]
        ]
        write_json(folder / "confusion.json", cells)
    groups = [
        {
            "group": f"sex={sex}",
            "rows": 50,
            "measures": {m: {"estimate": 0.3, "low": 0.2, "high": 0.4} for m in _MEASURES[task]},
        }
        for sex in ("f", "m")
    ]
    write_json(
        project.evidence("fairness") / "groups.json",
        [{"columns": ["sex"], "groups": groups, "between": {}}],
    )
    folder = project.evidence("explanation")
    write_json(
        folder / "importance.json",
        [{"column": column, "importance": 0.1, "share": 0.5, "sign": "raises"}],
    )
    because = [{"column": column, "value": "3", "contribution": 0.1}]
    write_json(
        folder / "rows.json", [{"row": "the lowest score", "score": 0.1, "because": because}]
    )
