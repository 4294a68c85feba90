"""The target column decides the task: binary, multiclass or regression."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice import table
from sluice.adopt.profile import ColumnProfile
from sluice.adopt.profile.formatted import advice
from sluice.adopt.profile.margins import widened_range
from sluice.adopt.profile.values import (
    as_scalar,
    is_date,
    is_number,
    known_labels,
    nearly_equal,
    number_type,
)
from sluice.adopt.profile.words import MOST_CLASSES
from sluice.config import Scalar, check_key
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.task import Task

if TYPE_CHECKING:
    from pandas import Series

_CLASS_ROWS = 6  # a target with a whole number in fewer rows is a regression too
_RARE = 0.1


def profile_target(
    column: Series, words: str = "", known: Task | None = None
) -> tuple[Task, ColumnProfile]:
    """Return the task and the target's profile. Raises SluiceError if the target cannot be
    predicted.

    words: a sentence about words that were treated as missing values, or as classes. known: the
    task of an earlier adoption, which decides whether whole numbers are classes.
    """
    name = str(column.name)
    labels = _require_labels(column, words)
    number = is_number(column)
    few_whole_numbers = number and number_type(column) == "integer" and len(labels) <= MOST_CLASSES
    if known is None:
        rare = few_whole_numbers and int(column.value_counts().min()) < _CLASS_ROWS
    else:
        rare = few_whole_numbers and known == "regression"
    if len(labels) > 2 and number and (rare or not few_whole_numbers):
        low, high = widened_range(column)
        found = ColumnProfile(name, number_type(column), "feature", low, high)
        return "regression", replace(found, remark=_AS_NUMBERS) if rare else found
    if len(labels) > MOST_CLASSES:
        if how := advice(column):
            raise SluiceError(f"the target {name!r} is not a number: {how}")
        raise SluiceError(
            f"the target {name!r} has {len(labels):,} different texts, but at most "
            f"{MOST_CLASSES} classes are supported: combine some, or predict a number"
        )
    if alike := nearly_equal(labels):
        raise SluiceError(
            f"the target {name!r} has classes that may be the same: {alike}; write them alike"
        )
    task: Task = "binary" if len(labels) == 2 else "multiclass"
    remark = ""
    if number and task == "multiclass":
        remark = f"its {len(labels)} whole numbers are treated as classes"
    values = tuple(map(as_scalar, labels))
    return task, ColumnProfile(name, "category", values=values, remark=remark)


_AS_NUMBERS = (
    "its whole numbers are predicted as numbers, because some are too rare to be classes; if they "
    "are classes, combine the rare ones and write all as texts, such as 'class 1'"
)


def _require_labels(column: Series, words: str) -> list[str]:
    name, missing = str(column.name), int(column.isna().sum())
    if missing == len(column):
        raise SluiceError(f"the target {name!r} is missing in every row: name another --target")
    if missing:
        raise SluiceError(
            f"the target {name!r} is missing in {missing:,} of {len(column):,} rows, from which a "
            "model cannot learn: adopt again with --drop-missing-target to leave them out"
            f"{f'; {words}' if words else ''}"
        )
    if is_date(column):
        raise SluiceError(f"the target {name!r} is a date: add a number derived from it")
    labels = known_labels(column)
    if len(labels) == 1:
        raise SluiceError(
            f"the target {name!r} is {labels[0]!r} in every row: there is nothing to predict"
        )
    if len(labels) > 2:  # the classes become keys of selection.costs in params.yaml
        for each in labels:
            try:
                check_key(str(each))
            except ValueError as error:
                raise SluiceError(f"the target {name!r} has the class {each!r}: {error}") from None
    return labels


def rarer_label(column: Series, target: ColumnProfile) -> Scalar:
    """Return the rarer of two labels; the second one if both are equally frequent."""
    counts = table.labels(column).value_counts()
    return min(reversed(target.values), key=lambda value: counts[label(value)])


def rare_positives(column: Series, positive: Scalar | None) -> float | None:
    """Return the share of positive rows if it is below ten percent, else None."""
    if positive is None:
        return None
    share = float((table.labels(column) == label(positive)).mean())
    return share if share < _RARE else None


def is_heavy_tailed(column: Series) -> bool:
    """Whether one percent of the rows accounts for more than a third of the variance."""
    values = column.astype("float64")
    squares = ((values - values.median()) ** 2).sort_values()
    return bool(squares.iloc[-max(1, len(squares) // 100) :].sum() > squares.sum() / 3)
