"""Checks of settings that concern more than one section of params.yaml."""

from __future__ import annotations

from sluice.config.data import Groups
from sluice.config.section import Range
from sluice.config.settings import Settings
from sluice.labels import label
from sluice.metrics import FAIRNESS_MEASURES, METRICS

# Parity compares probabilities; a larger tolerance would accept a different model.
_LARGEST_TOLERANCE = 0.01


def require_consistent(settings: Settings) -> None:
    """Raise ValueError if sections contradict each other, or if a gate would check nothing."""
    for check in (
        _check_column_names,
        _check_groups,
        _check_attributes,
        _check_split,
        _check_target,
        _check_metrics,
        _check_fairness,
        _check_load,
        _check_inputs,
        _check_segments,
        _check_monitor,
    ):
        check(settings)


def _check_column_names(settings: Settings) -> None:
    data = settings.data
    named = {"data.target": data.target, "data.id": data.id}
    named |= {f"data.sensitive.{name}": name for name in data.sensitive}
    for key, name in named.items():
        if name is not None and name not in settings.columns:
            raise ValueError(f"{key} names {name!r}, which is not under columns")
    for name in data.sensitive_inputs:
        if name not in data.sensitive:
            raise ValueError(
                f"data.sensitive_inputs names {name!r}, which is not under data.sensitive"
            )


def _check_groups(settings: Settings) -> None:
    data = settings.data
    for name in (data.target, data.id):
        if name in data.sensitive:
            raise ValueError(f"data.sensitive names {name!r}, which is the target or the id")
    if data.target == data.id:
        raise ValueError(f"data.id and data.target both name {data.id!r}")
    for name, groups in data.sensitive.items():
        column = settings.columns[name]
        if groups.bands is not None and not column.numeric:
            raise ValueError(
                f"data.sensitive.{name}: bands are only for numbers, but the column's type is "
                f"{column.type}"
            )
        if groups.bands is None and groups.groups is None and column.numeric:
            raise ValueError(f"data.sensitive.{name}: a numeric column needs bands or groups")


def _check_attributes(settings: Settings) -> None:
    data, used = settings.data, set[str]()
    for name, parts in data.attributes.items():
        if name in data.sensitive:
            raise ValueError(
                f"data.attributes.{name} has the name of a sensitive column: rename it"
            )
        if len(parts) < 2:
            raise ValueError(f"data.attributes.{name}: expected two columns or more")
        for column, value in parts.items():
            key = f"data.attributes.{name}.{column}"
            if column not in data.sensitive or column in used:
                raise ValueError(
                    f"{key}: expected a sensitive column, and each of them in one attribute only"
                )
            if data.sensitive[column] != Groups():
                raise ValueError(f"{key}: the column has groups of its own; leave one of them out")
            if label(value) not in map(label, settings.columns[column].values or ()):
                raise ValueError(f"{key}: {value!r} is not among the values of the column")
            used.add(column)


def _check_split(settings: Settings) -> None:
    split, data = settings.split, settings.data
    named = {"split.group": split.group_column, "split.by_time": split.by_time}
    for key, name in named.items():
        if name is None:
            continue
        if name not in settings.columns:
            raise ValueError(f"{key} names {name!r}, which is not under columns")
        if name == data.target:
            raise ValueError(f"{key} names {name!r}, which is the target")
        if settings.columns[name].missing:
            raise ValueError(
                f"columns.{name}.missing is {settings.columns[name].missing:g}, but {key} needs a "
                "value in every row: set it to 0"
            )
    if split.group_column is not None and split.group == data.id:
        raise ValueError(
            f"data.id and split.group both name {data.id!r}: a group has several rows, an id has "
            "one; leave one of the two out"
        )
    if split.by_time is not None and split.by_time == split.group:
        raise ValueError(f"split.group and split.by_time both name {split.group!r}")


def _check_target(settings: Settings) -> None:
    name = settings.data.target
    target = settings.columns[name]
    if settings.task == "regression":
        if not target.numeric:
            raise ValueError(
                f"task regression needs a numeric target, but columns.{name} is {target.type}"
            )
        return
    if target.type != "category" or not target.values:
        raise ValueError(f"task {settings.task} needs columns.{name} as a category with values")
    if settings.parity.tolerance > _LARGEST_TOLERANCE:
        raise ValueError(
            f"parity.tolerance: expected at most {_LARGEST_TOLERANCE:g}, because it is a "
            "difference of probabilities"
        )
    labels = [label(value) for value in target.values]
    if len(set(labels)) != len(labels):
        raise ValueError(f"columns.{name}.values names a class twice")
    if settings.task == "multiclass" and len(labels) < 3:
        raise ValueError(f"task multiclass needs at least three values under columns.{name}")
    if settings.task == "binary" and len(labels) != 2:
        raise ValueError(f"task binary needs two values under columns.{name}, found {len(labels)}")
    if settings.quality.class_share is None:
        raise ValueError(f"quality.class_share is missing: a {settings.task} task needs it")
    if settings.task == "binary" and label(settings.data.positive) not in labels:
        raise ValueError(f"data.positive is {settings.data.positive!r}, expected one of {labels}")


def _check_metrics(settings: Settings) -> None:
    suitable = sorted(name for name, m in METRICS.items() if settings.task in m.tasks)
    named = {"selection.metric": settings.selection.metric}
    named |= {f"performance.bounds.{name}": name for name in settings.performance.bounds}
    for key, name in named.items():
        if name not in suitable:
            raise ValueError(
                f"{key}: {name!r} is not a metric for the task {settings.task}; expected one of "
                f"{suitable}"
            )
    for name, bound in settings.performance.bounds.items():
        _require_end(f"performance.bounds.{name}", bound, low=METRICS[name].higher_is_better)
    for name in settings.performance.ceiling:
        metric = METRICS.get(name)
        if metric is None or not metric.higher_is_better:
            known = sorted(name for name, m in METRICS.items() if m.higher_is_better)
            raise ValueError(f"performance.ceiling: {name!r} is not one of {known}")
    if not settings.performance.bounds:
        raise ValueError("performance.bounds is empty, so every model would pass")
    errors = {
        "binary": ["false_negative", "false_positive"],
        "multiclass": settings.classes,
        "regression": ["under", "over"],
    }[settings.task]
    for name in settings.selection.costs:
        if name not in errors:
            raise ValueError(f"selection.costs.{name}: expected one of {errors}")


def _check_fairness(settings: Settings) -> None:
    if not settings.data.sensitive:
        return
    measures = FAIRNESS_MEASURES[settings.task]
    known = [f"{name}_{what}" for name in measures for what in ("difference", "ratio")]
    fairness = settings.fairness
    joined = [column for parts in settings.data.attributes.values() for column in parts]
    compared = len(settings.data.sensitive) - len(joined) + len(settings.data.attributes)
    has_intersections = compared > 1
    for key, bounds in {"bounds": fairness.bounds, "intersections": fairness.intersections}.items():
        for name, bound in bounds.items():
            if name not in known:
                raise ValueError(f"fairness.{key}.{name}: expected one of {known}")
            _require_end(f"fairness.{key}.{name}", bound, low=name.endswith("_ratio"))
        if not bounds and (key == "bounds" or has_intersections):
            raise ValueError(f"fairness.{key} is empty, so every model would pass")


def _check_load(settings: Settings) -> None:
    for name, bound in settings.load.bounds:
        if bound is not None:
            _require_end(f"load.bounds.{name}", bound, low=name == "throughput")


def _require_end(key: str, bound: Range, *, low: bool) -> None:
    """Require the end that limits how bad a value may be; the other end alone limits nothing."""
    if (bound.low if low else bound.high) is None:
        raise ValueError(
            f"{key}: expected {'low' if low else 'high'}; without it every model would pass"
        )


def _check_inputs(settings: Settings) -> None:
    if not settings.features:
        raise ValueError(
            "no column is a model input: give at least one column the use 'feature' under columns"
        )
    for name in settings.features:
        if settings.columns[name].type == "text":
            raise ValueError(
                f"columns.{name}: a text column cannot be a model input; set its use to 'ignored'"
            )


def _check_segments(settings: Settings) -> None:
    name = settings.segment_column
    if name is None:
        return
    if name not in settings.features:
        raise ValueError(f"data.segments names {name!r}, which is not a model input")
    column = settings.columns[name]
    if column.type != "category":
        raise ValueError(
            f"data.segments needs columns.{name} as a category, but its type is {column.type}"
        )
    if column.levels is not None:
        raise ValueError(
            f"columns.{name}.levels: every value of the segments' column is a "
            "segment; remove the levels"
        )
    if len(settings.features) == 1:
        raise ValueError(f"data.segments: {name!r} is the only model input; add another one")


def _check_monitor(settings: Settings) -> None:
    for name in settings.monitor.floors:
        if name not in settings.features:
            raise ValueError(f"monitor.floors names {name!r}, which is not a model input")
    given = settings.retraining
    if (given.cost is None) != (given.value is None):
        raise ValueError("retraining: give both cost and value, or neither")
