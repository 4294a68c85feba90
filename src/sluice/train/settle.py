"""Round a fitted pipeline so that it is the same on every machine and can be exported exactly.

The last bits of a sum depend on the processor and its BLAS library; ten significant digits do not.
The export contains the rounded numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.metrics import Floats
from sluice.train import category_splits, thresholds

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_LEARNED = ("mean_", "var_", "scale_", "statistics_", "coef_", "intercept_")
_DIGITS = 10


def settle(pipeline: Pipeline) -> None:
    """Round the learned numbers, and convert split thresholds to float32, in place."""
    for part in _parts(pipeline):
        category_splits.replace(part)
        thresholds.snap(part)
        for name in _LEARNED:
            learned = getattr(part, name, None)
            if isinstance(learned, np.ndarray | float):
                rounded = significant(np.asarray(learned, np.float64))
                setattr(part, name, rounded[()])  # an array, or a NumPy scalar


def significant(values: Floats) -> Floats:
    """Round each value to ten significant digits."""
    with np.errstate(divide="ignore"):
        size = np.floor(np.log10(np.abs(values)))
    power = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(size), size, 0.0))
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(values * power) / power
    return np.where(np.isfinite(rounded), rounded, values)


def _parts(part: Any) -> Iterator[Any]:
    """The steps of a pipeline, including those inside column transformers."""
    nested = [step for _, step in getattr(part, "steps", ())]
    nested += [fitted for _, fitted, _ in getattr(part, "transformers_", ())]
    for inner in nested:
        yield from _parts(inner)
    if not nested:
        yield part
