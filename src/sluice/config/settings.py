"""All of `params.yaml` as one record."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from sluice.config.data import Column, Data
from sluice.config.section import Name, Ordered, Range, Section, Word
from sluice.config.stages import (
    Acceptance,
    Candidate,
    Explanation,
    Fairness,
    Load,
    Parity,
    Performance,
    Quality,
    Selection,
    Split,
)
from sluice.labels import label
from sluice.metrics import FAIRNESS_MEASURES, METRICS
from sluice.task import Task

_MOST_APART = 0.01


class Settings(Section):
    name: Name
    task: Task
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    data: Data
    columns: Ordered[Word, Column]
    quality: Quality
    split: Split
    candidates: Annotated[Ordered[Name, Candidate], Field(min_length=1)]
    selection: Selection
    parity: Parity
    performance: Performance
    fairness: Fairness
    explanation: Explanation
    load: Load
    accept: list[Acceptance]

    @property
    def classes(self) -> list[str]:
        """Class labels in the order of the model's outputs; binary: negative, positive."""
        if self.task == "regression":
            return []
        labels = [label(value) for value in self.columns[self.data.target].values or []]
        if self.task == "binary":
            labels.sort(key=lambda known: known == label(self.data.positive))
        return labels

    @property
    def features(self) -> list[str]:
        """Columns that may be model inputs: numbers first, then categories."""
        apart = {self.data.target, self.data.id, *self.data.sensitive}
        apart -= set(self.data.sensitive_inputs)
        named = [n for n, c in self.columns.items() if n not in apart and c.use == "feature"]
        return sorted(named, key=lambda name: not self.columns[name].numeric)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        _require_consistent(self)
        return self


def _require_consistent(settings: Settings) -> None:
    """Raise ValueError for the first thing on which two sections disagree."""
    for check in (
        _names_are_columns,
        _groups_fit_columns,
        _task_fits_target,
        _metrics_suit,
        _fairness_is_bounded,
        _load_is_bounded,
        _inputs_are_usable,
    ):
        check(settings)


def _names_are_columns(settings: Settings) -> None:
    data = settings.data
    named = {"data.target": data.target, "data.id": data.id}
    named |= {f"data.sensitive.{name}": name for name in data.sensitive}
    for key, name in named.items():
        if name is not None and name not in settings.columns:
            raise ValueError(f"{key} names {name!r}, which is not under columns")
    for name in data.sensitive_inputs:
        if name not in data.sensitive:
            raise ValueError(f"data.sensitive_inputs names {name!r}, not under data.sensitive")


def _groups_fit_columns(settings: Settings) -> None:
    data = settings.data
    for name in (data.target, data.id):
        if name in data.sensitive:
            raise ValueError(f"data.sensitive names {name!r}, which is the target or the id")
    if data.target == data.id:
        raise ValueError(f"data.id and data.target both name {data.id!r}")
    for name, groups in data.sensitive.items():
        column = settings.columns[name]
        if groups.bands is not None and not column.numeric:
            raise ValueError(f"data.sensitive.{name}: bands are for numbers, not {column.type}")
        if groups.bands is None and groups.groups is None and column.numeric:
            raise ValueError(f"data.sensitive.{name}: a number needs bands or groups")


def _task_fits_target(settings: Settings) -> None:
    name = settings.data.target
    target = settings.columns[name]
    if settings.task == "regression":
        if not target.numeric:
            raise ValueError(f"task regression needs a number, columns.{name} is {target.type}")
        return
    if target.type != "category" or not target.values:
        raise ValueError(f"task {settings.task} needs columns.{name} as a category with values")
    if settings.parity.tolerance > _MOST_APART:
        raise ValueError(f"parity.tolerance: expected at most {_MOST_APART:g} of a probability")
    labels = [label(value) for value in target.values]
    if len(set(labels)) != len(labels):
        raise ValueError(f"columns.{name}.values names a class twice")
    if settings.task == "multiclass" and len(labels) < 3:
        raise ValueError(f"task multiclass needs three values or more under columns.{name}")
    if settings.task == "binary" and len(labels) != 2:
        raise ValueError(f"task binary needs two values under columns.{name}, has {len(labels)}")
    if settings.quality.class_share is None:
        raise ValueError(f"quality.class_share is missing: a {settings.task} task needs it")
    if settings.task == "binary" and label(settings.data.positive) not in labels:
        raise ValueError(f"data.positive is {settings.data.positive!r}, expected one of {labels}")


def _metrics_suit(settings: Settings) -> None:
    suitable = sorted(name for name, m in METRICS.items() if settings.task in m.tasks)
    wanted = {"selection.metric": settings.selection.metric}
    wanted |= {f"performance.bounds.{name}": name for name in settings.performance.bounds}
    for key, name in wanted.items():
        if name not in suitable:
            raise ValueError(f"{key}: {name!r} is no metric of a {settings.task}; {suitable}")
    for name, bound in settings.performance.bounds.items():
        _require_end(f"performance.bounds.{name}", bound, low=METRICS[name].higher_is_better)
    if not settings.performance.bounds:
        raise ValueError("performance.bounds is empty: a gate without a bound would gate nothing")
    costs = {
        "binary": ["false_negative", "false_positive"],
        "multiclass": settings.classes,
        "regression": ["under", "over"],
    }[settings.task]
    for name in settings.selection.costs:
        if name not in costs:
            raise ValueError(f"selection.costs.{name}: expected some of {costs}")


def _fairness_is_bounded(settings: Settings) -> None:
    if not settings.data.sensitive:
        return
    measures = FAIRNESS_MEASURES[settings.task]
    known = [f"{name}_{what}" for name in measures for what in ("difference", "ratio")]
    fairness = settings.fairness
    crossed = len(settings.data.sensitive) > 1
    for key, bounds in {"bounds": fairness.bounds, "intersections": fairness.intersections}.items():
        for name, bound in bounds.items():
            if name not in known:
                raise ValueError(f"fairness.{key}.{name}: expected one of {known}")
            _require_end(f"fairness.{key}.{name}", bound, low=name.endswith("_ratio"))
        if not bounds and (key == "bounds" or crossed):
            raise ValueError(f"fairness.{key} is empty: a gate without a bound would gate nothing")


def _load_is_bounded(settings: Settings) -> None:
    for name, bound in settings.load.bounds:
        if bound is not None:
            _require_end(f"load.bounds.{name}", bound, low=name == "throughput")
    errors = settings.load.bounds.error_rate.high
    if errors is not None and errors >= 1:
        raise ValueError(f"load.bounds.error_rate.high is {errors:g}: expected less than 1")


def _require_end(key: str, bound: Range, *, low: bool) -> None:
    """A bound on the good side alone would let every model through."""
    if (bound.low if low else bound.high) is None:
        raise ValueError(f"{key}: expected {'low' if low else 'high'}, the end that gates")


def _inputs_are_usable(settings: Settings) -> None:
    if not settings.features:
        raise ValueError("no column is left as a model input; give one the use 'feature'")
    for name in settings.features:
        if settings.columns[name].type == "text":
            raise ValueError(f"columns.{name}: text cannot be a model input, use: ignored")
