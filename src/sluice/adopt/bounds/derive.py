"""Derive all bounds of a new table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.adopt.bounds import DerivedBounds
from sluice.adopt.bounds.explanation import largest_influence
from sluice.adopt.bounds.fairness import fairness_bounds
from sluice.adopt.bounds.folds import more_rows, sample
from sluice.adopt.bounds.parity import parity_bound
from sluice.adopt.bounds.performance import performance_bounds
from sluice.adopt.bounds.quality import LEAKAGE, class_share_bound, duplicates_bound
from sluice.adopt.bounds.trial import best, close_to_best, cross_validate
from sluice.check import leakage
from sluice.check.leakage import columns_in_excess
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.metrics import Predictions, of_task
from sluice.stats.bootstrap import FEWEST_CLUSTERS
from sluice.train.split import PARTS, assign, counted
from sluice.verdict import DEFINED_ROWS

if TYPE_CHECKING:
    from pandas import DataFrame

_MOST_ROWS = 20_000  # a larger sample would not change the bounds noticeably


def derive(frame: DataFrame, settings: Settings) -> DerivedBounds:
    """Measure a typed table. Raises SluiceError if a part of the split lacks rows of a class."""
    part = assign(frame, settings.split, settings.data.id)
    _require_parts(frame, part, settings)
    holdout, validation = int((part == "holdout").sum()), int((part == "validation").sum())
    rows = sample(frame[(part == "train") | (part == "validation")], _MOST_ROWS, settings)
    rows = rows.reset_index(drop=True)
    trials = {name: cross_validate(name, rows, settings) for name in settings.candidates}
    metric = settings.selection.metric
    top = best(trials, metric)
    close = close_to_best(trials, top, metric, settings.seed, validation)
    leaks = columns_in_excess(leakage.measure(frame, settings), settings)
    fairness = fairness_bounds(close, settings, validation=validation, holdout=holdout, frame=frame)
    influences = [largest_influence(trial, settings) for trial in close]
    largest, share = max(influences, key=lambda influence: influence[1])
    return DerivedBounds(
        duplicates=duplicates_bound(frame, settings),
        class_share=class_share_bound(frame, settings),
        leakage=LEAKAGE[settings.task],
        leaks=tuple(sorted(leaks)),
        too_good=_too_good(top.outcome, settings),
        parity=parity_bound(close, settings),
        performance=performance_bounds(close, settings, holdout),
        group_rows=fairness.group_rows,
        fairness=fairness.single,
        intersections=fairness.intersections,
        thin=fairness.thin,
        never=fairness.never,
        limited=fairness.limited,
        rare=_rare(frame, part, settings),
        few_groups=_few_groups(frame, part, settings),
        largest=largest,
        largest_share=share,
    )


def _rare(frame: DataFrame, part: NDArray[np.object_], settings: Settings) -> dict[str, int]:
    """Return the classes that are too rare in the holdout, with their number of rows there."""
    counts = frame[settings.data.target][part == "holdout"].value_counts()
    rows = {known: int(counts.get(known, 0)) for known in settings.classes}
    return {known: count for known, count in rows.items() if count < DEFINED_ROWS}


def _few_groups(frame: DataFrame, part: NDArray[np.object_], settings: Settings) -> int | None:
    """Return the number of groups of rows in the holdout if it is too small, else None."""
    column = settings.split.group_column
    if column is None:
        return None
    count = int(frame[column][part == "holdout"].nunique())
    return count if count < FEWEST_CLUSTERS else None


def _too_good(outcome: Predictions, settings: Settings) -> dict[str, float]:
    """Return the metrics that exceed their ceiling in params.yaml."""
    suitable = of_task(settings.task)
    ceilings = {n: high for n, high in settings.performance.ceiling.items() if n in suitable}
    values = {name: suitable[name].compute(outcome) for name in ceilings}
    return {name: value for name, value in values.items() if value > ceilings[name]}


def _require_parts(frame: DataFrame, part: NDArray[np.object_], settings: Settings) -> None:
    for name in PARTS:
        if not (part == name).any():
            raise SluiceError(
                f"{counted(frame, settings.split)} are too few to split: the {name} part would be "
                "empty; add rows"
            )
    if settings.task == "binary":
        needed = {"train": 2, "validation": 1, "holdout": 1}
    else:
        needed = {"train": 2}
    target = frame[settings.data.target]
    for name, least in needed.items():
        counts = target[part == name].value_counts()
        for known in settings.classes:
            if counts.get(known, 0) < least:
                raise SluiceError(
                    f"class {known!r} of {target.name!r} has {int((target == known).sum())} of "
                    f"{len(frame):,} rows, too few for the {name} part: {more_rows(settings)}"
                )
