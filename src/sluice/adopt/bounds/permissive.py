"""Bounds that allow everything except leaks, used while the real bounds are derived."""

from __future__ import annotations

from sluice.adopt.bounds import DerivedBounds, Estimate
from sluice.adopt.bounds.quality import LEAKAGE
from sluice.adopt.profile import TableProfile
from sluice.metrics import FAIRNESS_MEASURES

_METRICS = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}
_NAN = float("nan")
_NEARLY_ALL, _HARDLY_ANY = 1 - 1e-9, 1e-9  # params.yaml refuses a bound that every value meets


def permissive_bounds(profile: TableProfile) -> DerivedBounds:
    """Return bounds that params.yaml accepts as valid and that refuse nothing."""
    difference = f"{FAIRNESS_MEASURES[profile.task][0]}_difference"
    largest = {difference: Estimate(_NAN, _NAN, _NEARLY_ALL)}
    return DerivedBounds(
        duplicates=_NEARLY_ALL,
        class_share=None if profile.task == "regression" else _HARDLY_ANY,
        leakage=LEAKAGE[profile.task],
        leaks=(),
        too_good={},
        parity=1e-6,
        performance={_METRICS[profile.task]: Estimate(_NAN, _NAN, _HARDLY_ANY)},
        group_rows=30,
        fairness=largest,
        intersections=largest,
        thin={},
        never=(),
        limited=(),
        rare={},
        few_groups=None,
        largest="",
        largest_share=0.0,
    )
