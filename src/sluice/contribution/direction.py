"""Whether a changed setting makes the gates looser (more models pass) or tighter (fewer pass).

A change that is not known to be tighter counts as looser.
"""

from __future__ import annotations

import math
from typing import Any

from sluice.config import INDEPENDENT
from sluice.contribution.flatten import Flat, Path
from sluice.contribution.record import Kind
from sluice.contribution.values import as_number, fewer

# A higher number under this name lets more models pass.
_LOOSER_WHEN_HIGHER = {
    "high", "tolerance", "leakage", "missing_leakage", "combined_leakage", "duplicates", "missing",
    "near_duplicates", "judgements",
    "largest_share", "ceiling", "proxy", "joint_proxy", "under_champion", "margin",
    "deadline", "floors", "cost", "every", "gain",
}  # fmt: skip
# A lower number under this name lets more models pass.
_LOOSER_WHEN_LOWER = {
    "low", "rows", "class_share", "over_baselines", "resamples", "confidence",
    "holdout", "mostly", "seconds", "connections", "alpha", "interval",
    "false_alarms_a_year", "value",
}  # fmt: skip
# `fairness.group_rows` is in neither list: with too few rows per group, chance decides; with too
# many required, no group is compared. The value under this name that lets the fewest models pass.
_STRICTEST = {"promotion": "approval"}
# These only add requirements, so a new one is tighter.
_REQUIREMENTS = {"low", "high", "class_share", "values", "ceiling"}
# What the data-quality gate checks in a column; the other settings concern the model.
_CHECKED = {"low", "high", "values", "missing", "mostly"}
# Where the monitors find their inputs; the gates do not read these settings.
_PLACES = {("monitor", "log"), ("monitor", "labels")}
# Lists of what is allowed.
_ALLOWED = {"values", "sensitive_inputs"}
# Whoever can change the holdout rows or the random numbers can retry until the model passes.
_ANOTHER_DRAW = {("seed",), ("split", "salt")}
# The parts of params.yaml that a gate reads.
_GATING = {
    ("quality",), ("performance",), ("fairness",), ("parity",), ("explanation",), ("load",),
    ("rollout",), ("champion",), ("monitor",), ("retraining",), ("columns",),
    ("data", "sensitive"), ("data", "sensitive_inputs"), ("data", "attributes"),
    ("split", "holdout"), ("split", "group"), ("split", "by_time"),
}  # fmt: skip


def kind_of(path: Path, before: Flat, after: Flat, in_both: set[Path]) -> Kind:
    """The kind of one change.

    path: a setting that differs. in_both: the first two parts of the paths on both sides, which
    show whether a column is new or was removed.
    """
    gone, new = path not in after, path not in before
    if path[0] == "accept":
        return "tighter" if gone else "looser"
    if special := _of_judgement(path, before, after):
        return special
    # A removed column is no longer checked.
    unchecked = path[-1] not in _CHECKED or (new and path[:2] not in in_both)
    gating = path not in _PLACES and _GATING & {path[:1], path[:2]}
    if (path[0] == "columns" and unchecked) or not before or not gating:
        return "changed"
    # The last part of the path of a ceiling is a metric, and that of a floor a column.
    name = "ceiling" if path[:2] == ("performance", "ceiling") else path[-1]
    name = "floors" if path[:2] == ("monitor", "floors") else name
    if gone or new:
        requires = new and name in _REQUIREMENTS and _is_bound(after[path])
        return "tighter" if requires else "looser"
    return _of_values(name, before[path], after[path])


def _of_judgement(path: Path, before: Flat, after: Flat) -> Kind | None:
    """The kind of a change whose direction does not follow from a number; None for others."""
    if not before:
        return None
    if path in _ANOTHER_DRAW:
        return "looser"
    if path[:2] == ("selection", "costs"):
        return _of_cost(before.get(path), after.get(path))
    if path[:2] == ("data", "sensitive"):
        return _of_groups(path, before.get(path), after.get(path))
    if path in (("split", "group"), ("split", "by_time")):
        return _of_split(before.get(path), after.get(path))
    return None


def _of_cost(before: Any, after: Any) -> Kind:
    """A lower cost of an error makes every bound on the cost looser; the default cost is 1."""
    was, now = (1 if value is None else as_number(value) for value in (before, after))
    return "changed" if was is not None and now is not None and now > was else "looser"


def _is_bound(value: Any) -> bool:
    return as_number(value) is not None or (isinstance(value, list) and bool(value))


def _of_groups(path: Path, before: Any, after: Any) -> Kind:
    """If an old edge of the bands is removed, groups are merged and no longer compared."""
    if before is None:
        return "changed"
    if path[-1] == "bands" and isinstance(before, list) and isinstance(after, list):
        return "changed" if fewer(before, after) else "looser"
    return "looser"


def _of_split(before: Any, after: Any) -> Kind:
    """Starting to group rows, or to split them by time, is not looser."""
    kept = (None, INDEPENDENT)
    return "changed" if before in kept and after not in kept else "looser"


def _of_values(name: str, before: Any, after: Any) -> Kind:
    if name in _ALLOWED and isinstance(before, list) and isinstance(after, list):
        # An empty list of values could be read as one that allows everything.
        tighter = fewer(after, before) and (bool(after) or name != "values")
        return "tighter" if tighter else "looser"
    if name == "steps" and isinstance(before, list) and isinstance(after, list):
        # Additional steps on the way to the same share or a smaller one are tighter.
        slower = fewer(before, after) and max(map(_number, after)) <= max(map(_number, before))
        return "tighter" if slower else "looser"
    if name in _STRICTEST:
        return "tighter" if after == _STRICTEST[name] else "looser"
    was, now = as_number(before), as_number(after)
    known = name in _LOOSER_WHEN_HIGHER | _LOOSER_WHEN_LOWER
    if was is None or now is None or was == now or not known:
        return "looser"
    return "looser" if (now > was) == (name in _LOOSER_WHEN_HIGHER) else "tighter"


def _number(value: Any) -> float:
    known = as_number(value)
    return math.inf if known is None else known
