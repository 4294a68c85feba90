"""One table of the range in which a bound is meaningful, for everything that is measured.

A bound that its metric cannot reach refuses every model, and one that every value meets refuses
none. For the load test, which has no such limits, the table has plausible ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sluice.config.section import Range
from sluice.config.settings import Settings
from sluice.metrics import METRICS

End = Literal["low", "high"]
_SHARE = (0.0, 1.0)
_ANY = (-math.inf, math.inf)
_SIZE = (0.0, math.inf)
_LATENCY = (0.0, 60_000.0)

# What can be measured, from the lowest to the highest value.
_REACH: dict[str, tuple[float, float]] = {
    "quality.duplicates": _SHARE,
    "quality.near_duplicates": _SHARE,
    "quality.class_share": (0.0, 0.5),
    "quality.mostly": _SHARE,
    "quality.leakage": _SHARE,
    "quality.missing_leakage": _SHARE,
    "quality.combined_leakage": _SHARE,
    **{
        f"performance.{name}": _SHARE
        for name in (
            *("roc_auc", "average_precision", "brier", "calibration_error", "accuracy"),
            *("balanced_accuracy", "precision", "recall", "f1"),
        )
    },
    "performance.log_loss": (0.0, 34.5),  # probabilities are clipped at 1e-15
    "performance.mae": _SIZE,
    "performance.rmse": _SIZE,
    "performance.r2": (-math.inf, 1.0),
    "performance.cost": _SIZE,  # up to the largest cost of an error, see `_reach_of`
    "performance.under_champion": _SHARE,
    **{
        f"fairness.{rate}_{comparison}": _SHARE
        for rate in ("selection_rate", "false_negative_rate", "false_positive_rate")
        for comparison in ("difference", "ratio")
    },
    "fairness.mean_error_difference": _SIZE,
    "fairness.absolute_error_difference": _SIZE,
    "fairness.mean_error_ratio": _ANY,
    "fairness.absolute_error_ratio": _SHARE,
    "explanation.largest_share": _SHARE,
    "explanation.proxy": _SHARE,
    "explanation.joint_proxy": _SHARE,
    "load.p50_ms": _LATENCY,
    "load.p95_ms": _LATENCY,
    "load.p99_ms": _LATENCY,
    "load.throughput": _SIZE,
    "load.memory_mib": (0.0, 1_048_576.0),
    "load.error_rate": (0.0, 0.1),
}


@dataclass(frozen=True)
class _Limit:
    """One end of a bound: the path of its setting, its value, and what can be measured.

    decides: whether every model would pass without this end.
    """

    path: str
    end: End
    value: float
    reach: tuple[float, float]
    decides: bool = True

    @property
    def problem(self) -> str | None:
        lowest, highest = self.reach
        shown = f"{self.path} is {self.value:g}"
        if self.end == "low":
            if self.value > highest:
                return f"{shown}, which no value reaches: expected at most {highest:g}"
            if self.decides and self.value <= lowest:
                return f"{shown}, which every value meets: expected more than {lowest:g}"
            return None
        if self.value < lowest:
            return f"{shown}, which no value reaches: expected at least {lowest:g}"
        if self.decides and self.value >= highest:
            return f"{shown}, which every value meets: expected less than {highest:g}"
        return None


def require_sense(settings: Settings) -> None:
    """Raise ValueError for a bound that no model can reach, or that every model is within."""
    for limit in _limits(settings):
        if limit.problem:
            raise ValueError(limit.problem)


def _limits(settings: Settings) -> Iterator[_Limit]:
    quality, performance, explanation = (
        settings.quality,
        settings.performance,
        settings.explanation,
    )
    shares = ("duplicates", "near_duplicates", "leakage", "missing_leakage", "combined_leakage")
    for name in shares:
        yield _single(f"quality.{name}", "high", getattr(quality, name))
    yield _single("quality.mostly", "low", quality.mostly)
    if quality.class_share is not None:
        yield _single("quality.class_share", "low", quality.class_share)
    for name, bound in performance.bounds.items():
        path = f"performance.bounds.{name}"
        reach = _reach_of(name, settings)
        yield from _of_range(path, bound, reach, low=METRICS[name].higher_is_better)
    for name, high in performance.ceiling.items():
        yield _Limit(f"performance.ceiling.{name}", "high", high, _REACH[f"performance.{name}"])
    yield _single("performance.under_champion", "high", performance.under_champion)
    yield _over_baselines(settings)
    for section in ("bounds", "intersections"):
        for name, bound in getattr(settings.fairness, section).items():
            path, reach = f"fairness.{section}.{name}", _REACH[f"fairness.{name}"]
            yield from _of_range(path, bound, reach, low=name.endswith("_ratio"))
    if len(settings.features) > 1:  # a single input always has all of the importance
        yield _single("explanation.largest_share", "high", explanation.largest_share)
    yield _single("explanation.proxy", "high", explanation.proxy)
    yield _single("explanation.joint_proxy", "high", explanation.joint_proxy)
    for name, range_ in settings.load.bounds:
        if range_ is not None:
            path, reach = f"load.bounds.{name}", _REACH[f"load.{name}"]
            yield from _of_range(path, range_, reach, low=name == "throughput")


def _single(path: str, end: End, value: float) -> _Limit:
    return _Limit(path, end, value, _REACH[path])


def _of_range(
    path: str, bound: Range, reach: tuple[float, float], *, low: bool
) -> Iterator[_Limit]:
    if bound.low is not None:
        yield _Limit(f"{path}.low", "low", bound.low, reach, decides=low)
    if bound.high is not None:
        yield _Limit(f"{path}.high", "high", bound.high, reach, decides=not low)


def _reach_of(metric: str, settings: Settings) -> tuple[float, float]:
    """The range of a metric; no cost per row exceeds the largest cost of an error."""
    if metric != "cost" or settings.task == "regression":
        return _REACH[f"performance.{metric}"]
    errors = 2 if settings.task == "binary" else len(settings.classes)
    costs = [*settings.selection.costs.values()]
    return 0.0, max([*costs, *[1.0] * (len(costs) < errors)])


def _over_baselines(settings: Settings) -> _Limit:
    """A gain over a baseline is at most the full range of the metric."""
    lowest, highest = _reach_of(settings.selection.metric, settings)
    most = highest - lowest
    value = settings.performance.over_baselines
    return _Limit("performance.over_baselines", "low", value, (-most, most))
